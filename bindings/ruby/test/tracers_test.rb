# frozen_string_literal: true

require 'support/traced'
require 'support/tracer_case'

# The tracers that the gem brings, block forms, and what bpftrace sees of them.
class TracersTest < TracedTest
  # Everything in one process, which is watched once.
  SCRIPT = <<~'RUBY'
    Tracer = StaticTracing::Tracer
    class Shop
      def add(article, count = 1, *rest, last, gift: false, to: nil, **others, &block) end
      def cost(method, price, nothing = 5) price; end
      def odd((a, b), _, größe, if: 1) end
      def many(a, b, c, d, e, f, g, h, i, j, k, l, m) end
      def find(what)
        raise KeyError, 'no such key' if what == :missing

        what
      end
      def make(number) Array.new(number) { 'x' * 2000 }; end
      def rows; [1, 2, 3]; end
    end
    Named = Class.new
    [[Tracer::Arguments, :add, :odd, :many], [Tracer::Arguments.typed(price: Float, nothing: Integer), :cost],
     [Tracer::Return, :find], [Tracer::Allocations, :make]].each do |tracer, *names|
      tracer.register(Shop, *names, provider: 'subject')
    end
    rows = Tracer.define(:rows, rows: Integer) { |call| [call.result.size] }
    rows.set_cost
    rows.register(Shop, :rows, provider: 'subject')
    SLOW = Class.new(Tracer::Base) do
      set_tracepoint_data_types String
      set_cost
      set_values(at: :call) { |call| sleep 0.02; [call.method_name] }
      def self.tracepoint_name(name) "#{name}_slow"; end
    end
    SLOW.register(Shop, :rows, provider: 'subject')
    StaticTracing.enable!
    measured = ->(id, &block) { StaticTracing.measure(:subject, :render, id: id, path: '/x', ok: true, &block) }
    direct = -> { StaticTracing.tracepoint(:subject, :direct, Float, String) { [0.5, 'x'] } }
    unwatched = [measured.call(1) { 'returned' }, direct.call]
    shop = Shop.new
    watched do
      say(*unwatched)
      shop.add('pear', :z)
      shop.add(7, 2.5, nil, true, Object.new, gift: Named.new, to: 2**2000, more: 1) {}
      shop.cost('m', 0.5)
      shop.odd([1, 2], 3, 4, if: 5)
      shop.many(*1..13)
      shop.find('text')
      shop.find([1])
      shop.find(nil)
      begin
        shop.find(:missing)
      rescue KeyError => e
        say e.message
      end
      GC.disable # what it frees is taken off the bytes
      [1, 0, 1000].each { |number| shop.make(number) } # the first fills Ruby's caches, with objects
      GC.enable
      shop.rows
      say measured.call(7) { :done }
      begin
        measured.call(8) { raise IOError, 'passed on' }
      rescue IOError => e
        say e.message
      end
      say catch(:out) { measured.call(9) { throw :out, 'thrown' } }
      say direct.call
    end
  RUBY

  def shown(*formats)
    values = formats.each_with_index.map { |format, index| format == '%s' ? "str(arg#{index})" : "arg#{index}" }
    "printf(\"%s #{formats.join(' | ')}\\n\", probe, #{values.join(', ')});"
  end

  def test_that_bpftrace_sees_arguments_results_allocations_cost_and_measured_blocks
    strings = ->(count) { shown(*['%s'] * count) }
    printed, said = trace({
                            add_arguments: strings.call(6), cost_arguments: shown('%s', '%s', '%lx', '%d'),
                            odd_arguments: strings.call(4), many_arguments: strings.call(6),
                            find_return: strings.call(5), make_allocations: shown('%s', '%ld', '%ld', '%ld', '%ld'),
                            rows_rows: shown('%ld', '%d'), rows_slow: shown('%ld', '%s'),
                            render: shown('%ld', '%d', '%s', '%d'), direct: shown('%lx', '%s')
                          }, SCRIPT)
    assert_equal ['returned false', 'no such key', 'done', 'passed on', 'thrown', 'true'], said
    lines = printed.map { |line| line.sub(/\A\S*:(\w+) /, '\1 ') }
    assert_equal ['add_arguments add | pear |  | Array of 0 | z | ',
                  'add_arguments add | 7 | 2.5 | Array of 2 | Object | Named'], lines.first(2)
    assert_equal ['cost_arguments cost | m | 3fe0000000000000 | 0', 'odd_arguments odd | 3 | 4 | 5',
                  'many_arguments many | 1 | 2 | 3 | 4 | 5',
                  'find_return find | String | text |  | ', 'find_return find | Array |  |  | ',
                  'find_return find | NilClass | nil |  | ', 'find_return find |  |  | KeyError | no such key'],
                 lines[2..8]
    lines.delete_at(9)
    assert_allocations(lines[9].split(' | '), lines[10].split(' | '))
    assert_costs(lines[11, 2])
    assert_equal ['7 | /x | 1', '8 | /x | 1', '9 | /x | 1'], lines[13, 3].map { |line| line[/\Arender \d+ \| (.*)/, 1] }
    assert_equal 'direct 3fe0000000000000 | x', lines[16]
  end

  def assert_allocations(none, many)
    assert_equal ['make_allocations make'] * 2, [none.first, many.first]
    assert_equal [1, 2001], [none, many].map { |fields| Integer(fields[2]) }
    assert_operator Integer(many[3]), :>, 150_000
    assert_operator Integer(many[4]), :>=, 0
  end

  # The one that sleeps costs that long; the other doesn't.
  def assert_costs(lines)
    slow, quick = lines.partition { |line| line.start_with?('rows_slow') }.map(&:first)
    assert_operator slow[/\d+/].to_i, :>=, 20_000_000
    assert_match(/\Arows_rows \d+ \| 3\z/, quick)
  end
end

# The same without a tracer.
class TracersDeclarationTest < TracerCase
  Arguments = StaticTracing::Tracer::Arguments
  Tracepoint = StaticTracing::Tracepoint

  def signature(name)
    StaticTracing::Tracepoint.fetch(@namespace, name).signature
  end

  def test_that_arguments_are_named_as_parameters
    klass = Class.new do
      def plain(one, two = 2, *rest, key:, **others, &block) end

      def reserved(method, cost) end

      def twelve(a, b, c, d, e, f, g, h, i, j, k, l) end

      def anonymous(*) end
    end
    Arguments.register(klass, :plain, :reserved, :twelve, :anonymous, provider: @namespace)
    assert_equal 'string method, string one, string two, string rest, string key, string others',
                 signature(:plain_arguments)
    assert_equal 'string method, string method_, string cost_', signature(:reserved_arguments)
    assert_equal 12, StaticTracing::Tracepoint.fetch(@namespace, :twelve_arguments).args.size
    assert_equal 'string method', signature(:anonymous_arguments)
    typed = Arguments.typed(one: Integer)
    typed.set_cost
    typed.register(klass, :plain, provider: "#{@namespace}_typed")
    assert_match(/\Aint64 cost, string method, int64 one, string two/,
                 StaticTracing::Tracepoint.fetch("#{@namespace}_typed", :plain_arguments).signature)
    error = assert_raises(StaticTracing::Tracepoint::InvalidArgType) { Arguments.typed(one: Array) }
    assert_match(/\Aone can't be a Class; it can be Integer, /, error.message)
  ensure
    StaticTracing.providers["#{@namespace}_typed"]&.destroy
  end

  def test_that_a_class_that_is_loaded_again_with_other_parameters_is_traced
    old = Class.new { def m(one, two) end }
    new = Class.new { def m(two, three) end }
    seen = tracer { |call| call.named }
    [old, new].each { |klass| Arguments.register(klass, :m, provider: @namespace) }
    assert_equal 'string method, string one, string two', signature(:m_arguments)
    Arguments.enable!
    register(seen, new, :m)
    assert_equal 1, hits(:m_arguments) { new.new.m('b', 'c') }
    assert_equal 1, hits(:m_n) { new.new.m('b', 'c') }
    assert_equal [{ two: 'b', three: 'c' }], seen.seen
    assert_empty log
  end

  CALLS = [
    *(0..4).map { |count| [(1..count).to_a, {}] },
    [[], { k: 5 }], [[1], { k: 5, x: 6 }], [[1, 2, 3], { k: 1 }]
  ].freeze

  # As Ruby itself binds them.
  def test_that_arguments_are_bound_as_ruby_does
    ['a', 'a, b', 'a, b = 0', 'a = 0, b = 0', '*r', 'a, *r', 'a, b = 0, *r, z', 'a = 0, z', 'k: 0', 'a, k: 0, **o',
     'a, b = 0, *r, z, k: 0, **o'].each do |parameters|
      names = parameters.scan(/[a-z]/).map(&:to_sym)
      hash = names.map { |name| "#{name}: #{name}" }.join(', ')
      method = eval("Class.new { def m(#{parameters}) { #{hash} }; end }").instance_method(:m)
      CALLS.each do |arguments, keywords|
        next if keywords.any? && parameters !~ /k:|\*\*/ # they would be a Hash by position

        begin
          object = method.owner.new
          expected = keywords.empty? ? object.m(*arguments) : object.m(*arguments, **keywords)
        rescue ArgumentError
          next
        end
        bound = StaticTracing::Tracer::Binding.of(method.parameters, arguments, keywords)
        expected.reject! { |name, value| value.eql?(0) && !bound.key?(name) }
        assert_equal expected, bound, "#{parameters} #{arguments} #{keywords}"
      end
    end
  end

  def test_that_blocks_are_measured_only_where_types_are_known
    error = assert_raises(Tracepoint::InvalidArgType) { StaticTracing.measure(@namespace, :a, id: nil) {} }
    assert_match(/id is nil, which has no type of its own; declare the tracepoint before/, error.message)
    StaticTracing::Tracepoint.new(@namespace, :a, id: Integer, nanoseconds: Integer)
    StaticTracing.enable!
    assert_equal 5, StaticTracing.measure(@namespace, :a, id: nil) { 5 }
    assert_equal 1, hits(:a) { 2.times { |id| StaticTracing.measure(@namespace, :a, id: id.zero? ? 7 : nil) {} } }
    assert_match(/argument 1 \(id\) must be an Integer/, log)
    StaticTracing::Tracepoint.new(@namespace, :b, id: Integer)
    assert_equal 0, hits(:b) { StaticTracing.measure(@namespace, :b, id: 7) {} }
    assert_match(/got nanoseconds, id; a measured block's tracepoint has the argument nanoseconds/, log)
  end

  def test_that_a_provider_that_was_destroyed_is_declared_anew
    StaticTracing.enable!
    first = StaticTracing.tracepoint(@namespace, :a, Integer)
    assert_same first, StaticTracing.tracepoint(@namespace, :a, Integer)
    assert_raises(Tracepoint::TracepointExistsError) { StaticTracing.tracepoint(@namespace, :a, String) }
    assert_raises(Tracepoint::TracepointExistsError) { StaticTracing.tracepoint(@namespace, :a, id: Integer) }
    StaticTracing.providers[@namespace].destroy
    refute_same first, StaticTracing.tracepoint(@namespace, :a, Integer)
    assert_equal 1, hits(:a) { assert StaticTracing.tracepoint(@namespace, :a, Integer) { 7 } }
    # Ruby's own empty Hash of keywords.
    assert_operator allocations_of { StaticTracing.measure(@namespace, :c) { nil } }, :<=, 1
  end

  def allocations_of
    yield
    before = GC.stat(:total_allocated_objects)
    100.times { yield }
    (GC.stat(:total_allocated_objects) - before) / 100
  end

  def test_that_wrong_tracers_are_refused
    assert_raises(ArgumentError) { StaticTracing::Tracer.define(:rows, Integer) }
    assert_raises(StaticTracing::LibraryError) { StaticTracing::Tracer.define('no name', Integer) {} }
    assert_raises(ArgumentError) { StaticTracing::Tracer::Allocations.set_cost }
    assert_raises(NotImplementedError) { StaticTracing::Tracer::Allocations.values(nil) }
    assert_equal '#<StaticTracing::Tracer::Base rows>', StaticTracing::Tracer.define(:rows, Integer) {}.inspect
    assert_raises(ArgumentError) { Class.new(Base).set_values(at: :time) {} }
  end

  def test_that_latency_with_a_cost_or_with_other_values_is_not_measured_in_c
    klass = Class.new { def a; end }
    costly = Class.new(Latency) do
      set_cost
      def self.tracepoint_name(name) "#{name}_cost"; end
    end
    other = Class.new(Latency) do
      def self.values(call) [call.method_name.upcase, 7]; end

      def self.tracepoint_name(name) "#{name}_other"; end
    end
    register(costly, klass, :a)
    register(other, klass, :a)
    assert_equal [nil, nil, true], [costly.meter, other.meter, !Latency.meter.nil?]
    assert_equal [1, 1], [hits('a_cost') { klass.new.a }, hits('a_other') { klass.new.a }]
    assert_equal 'int64 cost, string method, int64 nanoseconds', signature(:a_cost)
    assert_empty log
  end

  def test_that_meters_take_only_what_they_can_fire
    point = StaticTracing::Tracepoint.new(@namespace, :a, String, Integer)
    [StaticTracing::Tracer::Stopwatch, StaticTracing::Tracer::AllocationMeter].each do |meter|
      assert_raises(TypeError) { meter.new(7, 'a') }
      assert_raises(TypeError) { meter.new(point, :a) }
      assert_predicate meter.new(point, 'a'), :frozen?
      assert_raises(FrozenError) { meter.new(point, 'a').send(:initialize, point, 'b') }
      refute meter.new(point, 'a').former?
      assert_raises(TypeError) { meter.new(point, 'a').finish(nil) }
      [meter.allocate, meter.new(point, 'a').dup].each do |empty|
        assert_raises(TypeError) { empty.finish(empty.start) }
      end
      Thread.current[:static_tracing_in_a_tracer] = true
      assert_nil meter.new(point, 'a').start
    ensure
      Thread.current[:static_tracing_in_a_tracer] = nil
    end
  end
end
