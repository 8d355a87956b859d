# frozen_string_literal: true

module StaticTracing
  # Looks at any object in constant time, and calls none of the object's own methods: what a block
  # that is verified may ask of an object that the {Verifier} knows nothing of.
  #
  #     CHECKOUT.fire { [Peek.integer(Peek.ivar(order, :@id)) || 0, Peek.class_name(order)] }
  module Peek
    # The most bytes that {text} returns.
    TEXT_BYTES = 256

    # The most bits of what {integer} returns.
    INTEGER_BITS = 64

    # Ruby's own methods, whatever a class has by these names.
    RUBYS = {
      class: Kernel.instance_method(:class), name: Module.instance_method(:name),
      ivar: Kernel.instance_method(:instance_variable_get), same: BasicObject.instance_method(:equal?),
      bytesize: String.instance_method(:bytesize), byteslice: String.instance_method(:byteslice),
      array: Array.instance_method(:size), hash: Hash.instance_method(:size), thread: Thread.instance_method(:[]),
      bits: Integer.instance_method(:bit_length), symbol: Symbol.instance_method(:to_s)
    }.freeze

    # The name of an instance variable.
    IVAR = /\A@[[:alpha:]_][[:alnum:]_]*\z/.freeze
    private_constant :RUBYS, :IVAR

    module_function

    # @param object [BasicObject]
    # @return [String, nil] the name of its class; nil if that has none
    def class_name(object)
      RUBYS[:name].bind_call(RUBYS[:class].bind_call(object))
    end

    # @param object [BasicObject]
    # @return [Integer, nil] how many bytes a String has, or how many elements an Array or a Hash; nil
    #   for anything else
    def size(object)
      case object
      when ::String then RUBYS[:bytesize].bind_call(object)
      when ::Array then RUBYS[:array].bind_call(object)
      when ::Hash then RUBYS[:hash].bind_call(object)
      end
    end

    # @param object [BasicObject]
    # @return [Integer, nil] the object, if it is an Integer of at most {INTEGER_BITS} bits
    def integer(object)
      object if ::Integer === object && RUBYS[:bits].bind_call(object) <= INTEGER_BITS
    end

    # @param object [BasicObject]
    # @return [String, nil] the first {TEXT_BYTES} bytes of a String or a Symbol, as a copy; nil for
    #   anything else
    def text(object)
      object = RUBYS[:symbol].bind_call(object) if ::Symbol === object
      ::String.new(RUBYS[:byteslice].bind_call(object, 0, TEXT_BYTES)) if ::String === object
    end

    # @param object [BasicObject]
    # @param name [Symbol] as in `:@id`
    # @return [Object, nil] what its instance variable holds
    # @raise [ArgumentError] if it isn't the name of one
    def ivar(object, name)
      # Ruby's own error would inspect the object.
      raise ArgumentError, 'the name of an instance variable is as in :@id' unless IVAR.match?(name)

      RUBYS[:ivar].bind_call(object, name)
    end

    # @param name [Symbol]
    # @return [Object, nil] `Thread.current[name]`
    def thread(name)
      RUBYS[:thread].bind_call(::Thread.current, name)
    end

    # @param one [BasicObject]
    # @param other [BasicObject]
    # @return [Boolean] whether they are the same object
    def same?(one, other)
      RUBYS[:same].bind_call(one, other)
    end
  end
end
