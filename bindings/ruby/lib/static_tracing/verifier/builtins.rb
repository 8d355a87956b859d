# frozen_string_literal: true

module StaticTracing
  module Verifier
    # The builtins that a verified block may call: those that take constant time for such a receiver
    # and such arguments, and that call no method that a program could have defined.
    #
    # What makes long things of short ones has a long result, which nothing here takes: otherwise a
    # few lines that each double a String would fill the memory.
    # @api private
    module Builtins
      # Receiver, methods, arguments, result: types of {Value}, with `|` between choices.
      INSTANCE = [
        ['small', '+ - & | ^', 'small', 'small'],
        ['small', '/ % div modulo', 'small', 'small'],
        ['small', '*', 'small', 'integer'],
        ['small', '+ - * / fdiv', 'float', 'float'],
        %w[small fdiv small float],
        ['small', '-@ +@ ~ abs magnitude succ next pred to_i to_int floor ceil round truncate size bit_length ord',
         '', 'small'],
        ['small', 'to_f', '', 'float'],
        ['small', 'to_s inspect', '', 'short'],
        ['small', '[]', 'small', 'small'],
        ['small', 'between?', 'small small', 'yes|no'],
        ['small', '<=>', 'small|float', 'small|nil'],
        ['integer', '== === != < <= > >=', 'small|float', 'yes|no'],
        ['integer', 'zero? positive? negative? even? odd? integer?', '', 'yes|no'],
        ['float', '+ - * /', 'small|float', 'float'],
        ['float', '-@ +@ abs magnitude to_f', '', 'float'],
        ['float', 'to_i to_int floor ceil round truncate', '', 'small'],
        ['float', 'to_s inspect', '', 'short'],
        ['float', '== === != < <= > >=', 'small|float', 'yes|no'],
        ['float', '<=>', 'small|float', 'small|nil'],
        ['float', 'nan? finite? zero? positive? negative?', '', 'yes|no'],
        ['float', 'infinite?', '', 'small|nil'],
        ['string', 'bytesize', '', 'small'],
        ['string', 'empty? frozen?', '', 'yes|no'],
        ['string', 'to_s to_str itself', '', 'string'],
        ['short', 'to_s to_str itself freeze -@ +@ dup strip lstrip rstrip chomp chop upcase downcase capitalize ' \
                  'swapcase reverse b', '', 'short'],
        ['short', 'size length ord to_i hash getbyte', '', 'small'],
        ['short', 'getbyte', 'small', 'small|nil'],
        ['short', 'to_f', '', 'float'],
        ['short', 'inspect dump', '', 'string'],
        ['short', '+', 'short', 'string'],
        ['short', '[] slice byteslice', 'small', 'short|nil'],
        ['short', '[] slice byteslice', 'small small', 'short|nil'],
        ['short', '== === != eql? start_with? end_with? include?', 'short', 'yes|no'],
        ['short', '<=>', 'short', 'small'],
        ['short', 'ascii_only? valid_encoding?', '', 'yes|no'],
        ['symbol', '== === !=', 'any', 'yes|no'],
        ['symbol', 'to_s name id2name', '', 'string'],
        ['symbol', 'to_sym itself', '', 'symbol'],
        ['nil', '== === !=', 'any', 'yes|no'],
        ['nil', 'to_s inspect', '', 'short'],
        ['nil', 'to_i', '', 'small'],
        ['nil', 'to_f', '', 'float'],
        ['nil', 'to_a', '', 'array'],
        ['nil|yes|no', '& | ^', 'any', 'yes|no'],
        ['yes|no', '== === !=', 'any', 'yes|no'],
        ['yes|no', 'to_s inspect', '', 'short'],
        ['nil|yes|no|integer|float|symbol|string|array|hash|range|time', 'nil? !', '', 'yes|no'],
        ['nil|yes|no|integer|float|symbol|string|array|hash', 'equal?', 'any', 'yes|no'],
        ['nil|yes|no|integer|float|symbol|string|array|hash', 'frozen?', '', 'yes|no'],
        ['array', 'size length', '', 'small'],
        ['array', 'empty?', '', 'yes|no'],
        ['array', '[] at slice', 'small', 'any'],
        ['array', 'first last', '', 'any'],
        ['hash', 'size length', '', 'small'],
        ['hash', 'empty?', '', 'yes|no'],
        ['hash', '[]', 'small|symbol|short|nil|yes|no', 'any'],
        ['hash', 'key? has_key? include? member?', 'small|symbol|short|nil|yes|no', 'yes|no'],
        ['range', '=== cover? include? member?', 'small|float', 'yes|no'],
        ['range', 'begin end', '', 'any'],
        ['time', 'to_i tv_sec nsec tv_nsec usec tv_usec', '', 'small'],
        ['time', 'to_f', '', 'float'],
        ['call', 'method_name', '', 'short'],
        ['call', 'nanoseconds', '', 'small|nil'],
        ['return', 'nanoseconds', '', 'small'],
        ['call', 'arguments', '', 'array'],
        ['call', 'keywords', '', 'hash'],
        ['call', 'receiver result exception', '', 'any'],
        ['event', 'name', '', 'string'],
        ['event', 'nanoseconds allocations', '', 'small'],
        ['event', 'payload', '', 'any'],
        ['event', '[]', 'symbol', 'any']
      ].freeze

      # The same of modules' own methods. `Module` is any module.
      MODULES = [
        ['Module', '===', 'any', 'yes|no'],
        ['Module', 'name to_s', '', 'short|nil'],
        ['Process', 'clock_gettime', 'small', 'small|float'],
        ['Process', 'clock_gettime', 'small symbol', 'small|float'],
        ['Process', 'pid ppid', '', 'small'],
        ['Time', 'now', '', 'time'],
        ['GC', 'count', '', 'small'],
        %w[GC stat symbol small],
        ['Thread', 'current', '', 'any'],
        ['StaticTracing', 'nsec', '', 'small'],
        ['StaticTracing::Peek', 'class_name', 'any', 'short|nil'],
        ['StaticTracing::Peek', 'size', 'any', 'small|nil'],
        ['StaticTracing::Peek', 'integer', 'any', 'small|nil'],
        ['StaticTracing::Peek', 'text', 'any', 'short|nil'],
        ['StaticTracing::Peek', 'ivar', 'any symbol', 'any'],
        ['StaticTracing::Peek', 'thread', 'symbol', 'any'],
        ['StaticTracing::Peek', 'same?', 'any any', 'yes|no']
      ].freeze

      # A method => others that it calls on the same receiver.
      CALLS = { :!= => [:==], :=== => [:==], :between? => [:<=>] }.freeze

      # The same of other receivers: comparing a Range's ends.
      CALLS_ON_INTEGERS = { 'Range' => [:<=>] }.freeze

      # Methods of the gem's own that are called on modules, and of the objects that it makes.
      OWN = %w[StaticTracing StaticTracing::Peek StaticTracing::Tracer::Call StaticTracing::Notifications::Event].freeze

      # Types whose class is loaded later, if at all.
      LATER = %i[event].freeze

      # Ruby's own methods that are written in Ruby are in such files; this gem's wrappers aren't.
      INTERNAL = /\A<internal:(?!static_tracing)/.freeze

      # What a call comes to: the types of its result, or why it is refused.
      Answer = Struct.new(:types, :reason)

      class << self
        # @param receiver [Value] whose types are known
        # @return [Answer]
        def call(receiver, name, arguments)
          each_type(receiver.types) do |type|
            path = Value::CLASSES.fetch(type)
            choose("#{path}##{name}", choices(instance_rows, [type, Value::WIDER[type]], name), arguments) do
              changed(class_of(type), name, class_of(type))
            end
          end
        end

        # @param mod [Module]
        # @return [Answer]
        def call_module(mod, name, arguments)
          path = Value::Names.described(mod)
          known = MODULES.any? { |one, *| one == path } && Object.const_get(path).equal?(mod)
          keys = [(path if known), 'Module'].compact
          singleton = Module.instance_method(:singleton_class).bind_call(mod)
          choose("#{path}.#{name}", choices(module_rows, keys, name), arguments) { changed(singleton, name, mod) }
        end

        # Keep what Ruby's methods are now, to notice when they are others.
        # @return [void]
        def remember
          @originals = {}
          remember_instances(Value::CLASSES.keys - LATER)
          MODULES.each do |path, names, *|
            each_name(path, names) do |_, name|
              keep(path == 'Module' ? Module : Object.const_get(path).singleton_class, name)
            end
          end
        end

        # The same of types whose class is loaded later.
        # @param types [Array<Symbol>]
        # @return [void]
        def remember_instances(types)
          INSTANCE.each do |row_types, names, *|
            each_name(row_types, names) { |type, name| keep(class_of(type), name) if types.include?(type.to_sym) }
          end
        end

        private

        def each_name(types, names, &block)
          types.split('|').product(names.split.map(&:to_sym)).each(&block)
        end

        def class_of(type)
          Object.const_get(Value::CLASSES.fetch(type.to_sym))
        end

        def keep(klass, name)
          CALLS.fetch(name, []).each { |other| keep(klass, other) }
          method = method_of(klass, name)
          @originals[[klass, name]] = method if method && (builtin?(method) || own?(klass))
        end

        def method_of(klass, name)
          Module.instance_method(:instance_method).bind_call(klass, name)
        rescue NameError
          nil
        end

        def builtin?(method)
          file, = method.source_location
          file.nil? || INTERNAL.match?(file)
        end

        def own?(klass)
          OWN.include?(Value::Names.described(klass)[/\A#<Class:(.*)>\z/, 1] || Value::Names.described(klass))
        end

        # Whether a method, or one that it calls, isn't Ruby's any more.
        def changed(klass, name, shown)
          called = [[klass, name], *CALLS.fetch(name, []).map { |other| [klass, other] },
                    *CALLS_ON_INTEGERS.fetch(Value::Names.described(shown), []).map { |other| [Integer, other] }]
          one, other = called.find { |pair| !original?(*pair) }
          return unless one

          sign = one.equal?(shown) || !one.equal?(klass) ? '#' : '.'
          path = "#{Value::Names.described(one.equal?(klass) ? shown : one)}#{sign}"
          Answer.new(nil, "#{path}#{other} isn't Ruby's own#{changed_where(method_of(one, other))}")
        end

        def changed_where(method)
          return ': it was removed' unless method

          file, line = method.source_location
          file ? ": it was defined again in #{file}:#{line}" : ': it was replaced'
        end

        # A module answers `===` and `name` by what Module has.
        def original?(klass, name)
          method = method_of(klass, name)
          known = @originals[[klass, name]]
          return known == method if known

          known = @originals[[Module, name]]
          !method.nil? && !known.nil? && method.owner.equal?(Module) && known == method_of(Module, name)
        end

        def each_type(types, &block)
          answers = types.map(&block)
          answers.find(&:reason) || Answer.new(answers.map(&:types).inject { |one, other| union(one, other) }, nil)
        end

        def union(one, other)
          one && other ? (one + other).uniq : nil
        end

        def choices(rows, keys, name)
          keys.compact.flat_map { |key| rows.fetch([key.to_s, name], []) }
        end

        def choose(shown, choices, arguments)
          return Answer.new(nil, "#{shown} isn't on the list of builtins that take constant time") if choices.empty?

          found = choices.find { |wanted, _| fit?(wanted, arguments) }
          return yield || Answer.new(found[1], nil) if found

          given = arguments.empty? ? 'no argument' : arguments.join(', ')
          Answer.new(nil, "#{shown} takes constant time only with #{wanted(choices)}, and this is #{given}")
        end

        def fit?(wanted, arguments)
          wanted.size == arguments.size && wanted.zip(arguments).all? { |types, value| value.fits?(types) }
        end

        def wanted(choices)
          choices.map do |types, _|
            types.empty? ? 'no argument' : types.map { |one| described(one) }.join(' and ')
          end.uniq.join(', or with ')
        end

        # @return [String] as in `a small Integer or a Float`
        def described(types)
          words = { small: 'an Integer of 64 bits', short: 'a short String', any: 'anything' }
          types.map { |type| words.fetch(type) { Value::CLASSES.fetch(type) } }.join(' or ')
        end

        def instance_rows
          @instance_rows ||= parse(INSTANCE)
        end

        def module_rows
          @module_rows ||= parse(MODULES)
        end

        def parse(table)
          table.each_with_object(Hash.new { |hash, key| hash[key] = [] }) do |(types, names, arguments, result), rows|
            wanted = arguments.split.map { |one| one.split('|').map(&:to_sym) }
            given = result == 'any' ? nil : result.split('|').map(&:to_sym)
            each_name(types, names) { |type, name| rows[[type, name]] << [wanted, given] }
          end
        end
      end
    end
  end
end
