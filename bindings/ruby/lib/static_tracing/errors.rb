# frozen_string_literal: true

module StaticTracing
  # The superclass of this gem's errors.
  class Error < StandardError; end

  # librst reports an error: the message is that of rst_error().
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
