# frozen_string_literal: true

module StaticTracing
  module Verifier
    # A block's instruction sequence, as RubyVM::InstructionSequence#to_a gives it: numbers of lines,
    # events, labels, and instructions with their operands.
    # @api private
    class Code
      # How #to_a begins, and where in it is what is looked at.
      MAGIC = 'YARVInstructionSequence/SimpleDataFormat'
      MISCELLANEOUS = 4
      PARTS = { path: 6, line: 8, type: 9, locals: 10, parameters: 11, catch: 12, body: 13 }.freeze
      private_constant :MAGIC, :MISCELLANEOUS, :PARTS

      # What is below a frame's first local: a local's index in the code counts from its frame's end.
      ENVIRONMENT = 3

      # @return [RubyVM::InstructionSequence, nil] nil for a Proc that isn't Ruby code
      def self.of(block)
        RubyVM::InstructionSequence.of(block)
      end

      # @return [Array] lines, events, labels, and instructions
      attr_reader :body

      # @return [Hash] of the parameters: `lead_num`, `opt` and others
      attr_reader :parameters

      # @return [String] the file
      attr_reader :path

      # @return [Integer] the line that the block begins in
      attr_reader :line

      # @param iseq [RubyVM::InstructionSequence]
      def initialize(iseq)
        @iseq = iseq
        data = iseq.to_a
        raise ArgumentError, "this Ruby's code is in an unknown format: #{data[0]}" unless data[0] == MAGIC

        @path, @line, @type, @locals, @parameters, @catch, @body = data.values_at(*PARTS.values)
      end

      # @return [Boolean] whether it is a block's, not a method's
      def block?
        @type == :block
      end

      # @return [Integer] how many local variables it has
      def locals
        @locals.size
      end

      # @return [Integer] the index of the parameter or local variable of that number
      def index(number)
        @locals.size - 1 - number + ENVIRONMENT
      end

      # @return [Hash{Symbol => Integer}] where each label is in the body
      def labels
        @body.each_index.select { |at| Symbol === @body[at] }.map { |at| [@body[at], at] }.to_h
      end

      # @return [Array<Array(Symbol, Integer)>] its `rescue` and `ensure` clauses, and their lines
      def clauses
        @catch.select { |kind, code, *| code && %i[rescue ensure].include?(kind) }
              .map { |kind, code, *| [kind, code[MISCELLANEOUS][:code_location].first] }
      end

      # @param number [Integer] of an assignment to a local variable, counted from the code's beginning
      # @return [String] its name
      def assigned(number)
        @assigned ||= @iseq.disasm.scan(/^\d+ setlocal\S*\s+([^\s@,]+)@\d+/).flatten
        @assigned[number] || 'a variable'
      end
    end
  end
end
