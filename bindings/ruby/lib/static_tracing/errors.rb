# frozen_string_literal: true

module StaticTracing
  # What every error of this gem is a kind of.
  class Error < StandardError; end

  # librst refused: the message is rst_error()'s.
  class LibraryError < Error
    # @return [Integer] the errno(3) value, as in `Errno::EACCES::Errno`
    attr_reader :errno

    # @param message [String] what was wrong
    # @param errno [Integer] the errno(3) value, positive
    def initialize(message, errno)
      super(message)
      @errno = errno
    end
  end
end
