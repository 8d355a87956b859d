# frozen_string_literal: true

module StaticTracing
  module Tracer
    # A method's parameters as code: what a wrapper declares, to have them exactly as the method has,
    # and what it then passes on. Nothing is collected into an Array or a Hash that the method itself
    # doesn't collect, so that an unwatched call by position allocates nothing.
    #
    # Keywords are another matter: from Ruby 3.0 to 3.3 a `super` with keywords makes an object, of the
    # interpreter's own; and a call that gives some, but not all, of more than {MAX_CHOICES} optional
    # ones makes a Hash of them. A wrapper that takes whatever comes makes an Array.
    #
    # An optional parameter's default is an assignment that remembers that it was missing, and of
    # several `super`s the one is run that passes just those that were given.
    # @api private
    class Signature
      # A parameter: its kind, as of Method#parameters; its name in the code; for an optional one
      # the variable that says it's missing.
      Parameter = Struct.new(:kind, :name, :missing)

      # The most optional keywords for which there is a `super` for every choice of them.
      MAX_CHOICES = 3

      # How each kind is declared.
      DECLARED = {
        req: 'NAME', opt: 'NAME = (MISSING = true; nil)', rest: '*NAME', keyreq: 'NAME:',
        key: 'NAME: (MISSING = true; nil)', keyrest: '**NAME', nokey: '**nil', block: '&NAME'
      }.freeze

      # What a parameter can be called so that its value can be read.
      READABLE = /\A[a-z_\u{80}-\u{10ffff}][A-Za-z0-9_\u{80}-\u{10ffff}]*\z/.freeze

      # Keywords may have these names, but no variable has.
      RESERVED = %w[
        __ENCODING__ __FILE__ __LINE__ BEGIN END alias and begin break case class def defined? do else
        elsif end ensure false for if in module next nil not or redo rescue retry return self super
        then true undef unless until when while yield
      ].freeze

      # The local variables of a wrapper begin with this.
      PREFIX = '__st_'

      # @return [Signature] of a method that takes whatever it is given
      def self.any
        new([[:rest]])
      end

      # @param parameters [Array] as of Method#parameters
      # @return [Signature, nil] nil if code can't declare them
      def self.mirror(parameters)
        keywords = parameters.select { |kind, _| %i[key keyreq].include?(kind) }
        return if keywords.any? { |_, name| !readable?(name) }
        return if parameters.any? { |kind, _| !DECLARED.key?(kind) }

        new(parameters)
      end

      # @return [Boolean] whether code can read a parameter of that name
      def self.readable?(name)
        text = name.to_s
        Names.utf8?(text) && text.match?(READABLE) && !RESERVED.include?(text) &&
          !text.match?(/\A_[1-9]\z/) && !text.start_with?(PREFIX)
      end

      # From Ruby 3.1 on, a rest that is marked by ruby2_keywords has keywords beside it that are none.
      # (Where they are some, the marked rest takes them as well.)
      MARK = %i[keyrest **].freeze

      def initialize(parameters)
        parameters -= [MARK] if (parameters.map(&:first) & %i[rest key keyreq]) == %i[rest]
        used = parameters.map(&:last).tally
        @parameters = parameters.each_with_index.map do |(kind, name), index|
          name = "#{PREFIX}#{index}" unless name && used[name] == 1 && Signature.readable?(name)
          Parameter.new(kind, name, ("#{PREFIX}no_#{index}" if %i[opt key].include?(kind)))
        end
      end

      # @return [Boolean] whether keywords come as a Hash at the end of the rest, which has to remember it
      def ruby2_keywords?
        of(:rest).any? && of(:key, :keyreq, :keyrest, :nokey).empty?
      end

      # @param block [Boolean] whether to take the block by name, as define_method() needs it
      # @return [String] the parameters' declaration
      def declaration(block: false)
        declared = @parameters.map do |it|
          DECLARED.fetch(it.kind).gsub(/NAME|MISSING/, 'NAME' => it.name, 'MISSING' => it.missing)
        end
        declared << "&#{PREFIX}block" if block && of(:block).empty?
        declared.join(', ')
      end

      # @param block [Boolean] as of {#declaration}
      # @return [String] an expression: `super` with what was given
      def passing_on(block: false)
        @block = ("&#{of(:block).map(&:name).first || "#{PREFIX}block"}" if block)
        optional = of(:opt)
        choices = optional.each_with_index.map do |it, given|
          "if #{it.missing} then #{choose_keywords(positional(optional.take(given)))} els"
        end
        all = choose_keywords(positional(optional + of(:rest)))
        choices.empty? ? all : "#{choices.join}e #{all} end"
      end

      # @param block [Boolean] as of {#declaration}
      # @return [String] an expression: the block as a Proc, or nil. From Ruby 3.0 on, code can't get
      #   a block that has no name; then it is a Proc that yields to it
      def block(block: false)
        named = of(:block).map(&:name).first || ("#{PREFIX}block" if block)
        named || "(defined?(yield) && ::Kernel.proc { |*#{PREFIX}given| yield(*#{PREFIX}given) }.ruby2_keywords)"
      end

      # @return [String] an expression: an Array of what was given by position
      def arguments
        given = positional(of(:opt, :rest)).map do |it|
          it.missing ? "*(#{it.missing} ? nil : [#{it.name}])" : passed(it)
        end
        "[#{given.join(', ')}]"
      end

      # @return [String] an expression: a Hash of what was given by keyword; nil if none can be
      def keywords
        given = of(:keyreq, :key, :keyrest).map do |it|
          it.missing ? "**(#{it.missing} ? {} : { #{passed(it)} })" : passed(it)
        end
        given.empty? ? 'nil' : "{ #{given.join(', ')} }"
      end

      private

      def of(*kinds)
        @parameters.select { |it| kinds.include?(it.kind) }
      end

      # Those by position, of the optional ones and the rest only these.
      def positional(some)
        @parameters.select { |it| it.kind == :req || some.include?(it) }
      end

      def choose_keywords(before)
        optional = of(:key)
        return choose(before + of(:keyreq), optional) if optional.size <= MAX_CHOICES

        missing = optional.map(&:missing)
        "(if #{missing.join(' && ')} then #{call(before + of(:keyreq))} " \
          "elsif #{missing.join(' || ')} then #{call(before, "**(#{collect})")} " \
          "else #{call(before + of(:keyreq) + optional)} end)"
      end

      # A Hash of the keywords that were given: one object, whatever their number.
      def collect
        hash = "#{PREFIX}keywords"
        always = of(:keyreq, :keyrest).map { |it| passed(it) }.join(', ')
        given = of(:key).map { |it| "#{hash}[:#{it.name}] = #{it.name} unless #{it.missing}" }
        "#{hash} = { #{always} }; #{given.join('; ')}; #{hash}"
      end

      def choose(given, optional)
        return call(given) if optional.empty?

        first, *others = optional
        "(if #{first.missing} then #{choose(given, others)} else #{choose(given + [first], others)} end)"
      end

      def call(given, keywords = nil)
        keywords ||= of(:keyrest).map { |it| passed(it) }.first
        "super(#{[*given.map { |it| passed(it) }, keywords, @block].compact.join(', ')})"
      end

      def passed(parameter)
        case parameter.kind
        when :rest then "*#{parameter.name}"
        when :keyrest then "**#{parameter.name}"
        when :key, :keyreq then "#{parameter.name}: #{parameter.name}"
        else parameter.name.to_s
        end
      end
    end
  end
end
