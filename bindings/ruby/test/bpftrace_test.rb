# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'support/traced'
require 'tmpdir'
require 'support/values'

# What every bpftrace sees of values: the one that is installed, and those that RST_BPFTRACES names.
module BpftraceTests
  def trace(actions, script, **options)
    super(actions, script, command: self.class::COMMAND, **options)
  end

  # An action that prints each argument on a line of its own.
  def prints(name, types)
    types.each_with_index.map do |type, index|
      bytes, signed = Values::SHAPES[type]
      value = Bpftrace.argument(self.class::COMMAND, index, bytes: bytes, signed: signed)
      form = signed ? '%ld' : '%lu'
      form, value = ['%s', "str(#{value})"] if Values.text?(type)
      "printf(\"#{name} #{index} #{form}\\n\", #{value});"
    end.join(' ')
  end

  # The lines that #prints makes of a fire.
  def printed(name, types, values)
    types.zip(values).each_with_index.map do |(type, value), index|
      "#{name} #{index} ".b + Values.seen(type, value).to_s.b
    end
  end

  def test_that_every_type_shows_its_edges_at_every_place
    actions = Values.tracepoints.to_h { |name, types| [name, prints(name, types)] }
    wanted = Values.fires.flat_map { |name, values| printed(name, Values.tracepoints[name], values) }

    shown, said = trace(actions, <<~RUBY)
      require 'support/values'
      tracepoints = Values.tracepoints.to_h { |name, types| [name, declare(name, *types)] }
      watched do
        Values.fires.each { |name, values| tracepoints[name].fire(*values) }
        say 'done'
      end
    RUBY
    assert_equal %w[done], said
    assert_equal wanted, shown.map(&:b)
  end

  def test_that_a_tracepoint_gives_the_command_to_watch_it
    need(Tracers.bpftrace_refusal)
    traced = subject(<<~RUBY)
      require 'io/wait'
      order = declare(:order, Integer, customer: String, state: Symbol, cents: :int32, id: :uint64, paid: :bool)
      abort 'not loaded yet' if order.bpftrace
      be_watched
      say order.bpftrace
      await_watched(order)
      order.fire(-5, 'Ada "A."', :new, -7, 2**64 - 1, true) until $stdin.wait_readable(0.01)
    RUBY
    traced.await_ready
    traced.tell
    command = traced.next_line.sub('bpftrace', self.class::COMMAND)
    tool = begin_program(Program.new('sh', '-c', "exec #{command}"))
    tool.wait_for(/\Aarg0=-5 customer="Ada "A\."" state=new cents=-7 id=18446744073709551615 paid=1\z/)
    traced.tell
  end

  def test_that_twelve_arguments_of_twelve_types_show_at_their_places
    values = [true, -128, 255, -32_768, 65_535, -(2**31), 2**32 - 1, -(2**63), 2**64 - 1, 0.25, -1.5, 'Ada']
    shown, = trace({ mixed: prints(:mixed, Values::MIXED) }, <<~RUBY)
      require 'support/values'
      mixed = declare(:mixed, *Values::MIXED)
      watched { mixed.fire(*#{values.inspect}) }
    RUBY
    assert_equal printed(:mixed, Values::MIXED, values), shown.map(&:b)
  end

  def test_that_any_number_of_arguments_fires
    names = 13.times.to_h { |count| ["args#{count}", count] }
    actions = names.to_h { |name, count| [name, "printf(\"#{name}\\n\"); #{prints(name, [Integer] * count)}"] }
    shown, = trace(actions, <<~RUBY)
      all = 13.times.map { |count| declare("args\#{count}", *[Integer] * count) }
      watched { all.each_with_index { |tracepoint, count| tracepoint.fire(*(1..count)) } }
    RUBY
    wanted = names.flat_map { |name, count| [name] + printed(name, [Integer] * count, 1..count) }
    assert_equal wanted, shown
  end

  STRINGS = {
    nil => '',
    '' => '',
    "before\0after" => 'before',
    "\xff\xfe\x80".b => "\xff\xfe\x80".b,
    "caf\xe9".dup.force_encoding('ISO-8859-1') => "caf\xe9".b,
    "broken \xe4 UTF-8" => "broken \xe4 UTF-8".b,
    'sixteen'.encode('UTF-16LE') => 'sixteen',
    "caf\u00e9".encode('UTF-16BE') => "caf\u00e9".b,
    "\u{1f600}".encode('UTF-32LE') => "\u{1f600}".b,
    'shift'.encode('Windows-31J') => 'shift',
    ("#{'x' * 100}the shared end")[100..-1] => 'the shared end',
    ('ab' * 200)[100, 30] => 'ab' * 15,
    ('y' * 40).byteslice(0, 31) => 'y' * 31
  }.freeze

  # Invalid bytes are a tracer's own affair; but up to them, and without them, all agree.
  def test_that_strings_of_all_encodings_show_up_to_their_first_nul
    strings = STRINGS.keys.map { |string| string && [string.encoding.name, string.unpack1('H*')] }
    shown, said = trace({ text: 'printf("<%s>\n", str(arg0));' }, <<~RUBY)
      text = declare(:text, String)
      strings = #{strings.inspect}.map { |name, hex| name && [hex].pack('H*').force_encoding(name) }
      watched do
        strings.each { |string| text.fire(string) }
        text.fire(("x" * 100 + "the shared end")[100..-1])
        text.fire(("ab" * 200)[100, 30])
        text.fire(("y" * 40).byteslice(0, 31))
        text.fire(("z" * 40).encode('UTF-16LE')[0, 10])
        text.fire("\\xd8".dup.force_encoding('UTF-16LE'))
        say 'done'
      end
    RUBY
    assert_equal %w[done], said
    wanted = STRINGS.values + ['the shared end', 'ab' * 15, 'y' * 31, 'z' * 10, "\xd8".b]
    assert_equal(wanted.map { |text| "<#{text}>".b }, shown.map(&:b))
  end

  def test_that_a_string_of_a_megabyte_shows_its_beginning_and_by_an_offset_its_end
    shown, = trace({ text: 'printf("%s\n%s\n", str(arg0, 16), str(arg0 + arg1 - 8));' }, <<~RUBY)
      text = declare(:text, String, Integer)
      long = 'begins so ' + 'x' * (1 << 20) + 'ends so.'
      watched { text.fire(long, long.bytesize) }
    RUBY
    assert_equal 2, shown.size
    assert_equal 'begins so xxxxx', shown.first[0, 15]
    assert_equal 'ends so.', shown.last
  end

  # bpftrace reads with page faults off: a page that the program has not touched shows as "", unless
  # the fire makes it resident. These strings' bytes are a mapped file's, of which Ruby reads the end.
  def test_that_a_string_in_memory_that_nobody_has_read_shows
    shown, = trace({ text: 'printf("%s\n", str(arg0));' }, <<~'RUBY')
      require 'fiddle'
      require 'tempfile'
      pointer, long = Fiddle::TYPE_VOIDP, Fiddle::TYPE_LONG
      library = Fiddle::Handle::DEFAULT
      map = Fiddle::Function.new(library['mmap'], [pointer, long, -Fiddle::TYPE_INT, -Fiddle::TYPE_INT, Fiddle::TYPE_INT, long], pointer)
      static = Fiddle::Function.new(library['rb_str_new_static'], [pointer, long], pointer)
      size = 100 * 4096
      file = Tempfile.new('rst-ruby-test')
      file.write("a string that nobody has read\0".ljust(size, '-'), "\0" * 4096)
      file.flush
      strings = [Encoding::UTF_8, Encoding::BINARY].map do |encoding|
        address = map.call(0, size + 4096, 1, 2, file.fileno, 0)
        static.call(address, size).to_value.force_encoding(encoding)
      end
      text = declare(:text, String)
      watched { strings.each { |string| text.fire(string) } }
    RUBY
    assert_equal ['a string that nobody has read'] * 2, shown
  end

  # By its path alone, whatever process that is in.
  def test_that_a_program_with_the_file_backing_is_watched_by_its_file
    Dir.mktmpdir('rst-ruby-test') do |directory|
      traced = subject(<<~RUBY, environment: { 'RST_BACKING' => "file:#{directory}" })
        order = declare(:order, Integer)
        watched { say order.path, order.fire(7) }
      RUBY
      traced.await_ready
      tool = watch({ order: 'printf("%ld\n", arg0);' }, traced, pid: nil, command: self.class::COMMAND)
      assert_equal %w[7], tool.printed
      assert_match(%r{\A#{directory}/librst-\d+/subject\.\S*\.so true\z}, traced.said.first)
      assert_empty Dir.children(directory)
    end
  end

  # Past the limit on a string: 63 bytes at a time, for a NUL takes the 64th.
  WHOLE = <<~'ACTION'
    $at = arg0; $end = arg0 + arg1;
    unroll(100) { if ($at < $end) { printf("%s", str($at, 64)); $at += 63; } }
    printf(";\n");
  ACTION

  def test_that_a_string_of_several_kilobytes_shows_whole_piece_by_piece
    text = 'app/models/cart.rb:%<line>03d in checkout|'
    shown, = trace({ stack: WHOLE }, <<~RUBY)
      stack = declare(:stack, String, bytes: Integer)
      lines = (1..150).map { |line| format(#{text.inspect}, line: line) }.join
      watched do
        [lines, lines[0, 63], lines[0, 64], 'short', ''].each { |text| stack.fire(text, text.bytesize) }
      end
    RUBY
    lines = (1..150).map { |line| format(text, line: line) }.join
    assert_operator lines.size, :>, 5000
    # The tick that says that bpftrace is alive may come between two pieces.
    whole = shown.join.gsub('tick', '').scan(/([^;]*);/).flatten
    assert_equal [lines, lines[0, 63], lines[0, 64], 'short', ''], whole
  end
end

['bpftrace', *Bpftrace::OTHERS].each_with_index do |command, index|
  Object.const_set("Bpftrace#{index if index.positive?}Test", Class.new(TracedTest) do
    include BpftraceTests
    const_set(:COMMAND, command)
  end)
end
