# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'helper'
require 'fileutils'
require 'rbconfig'
require 'tmpdir'
require 'support/program'

# Which librst is loaded, and what becomes of a program that gets none.
class LibraryTest < Minitest::Test
  # Everything that a program does with the gem.
  EVERYTHING = <<~RUBY
    require 'ruby-static-tracing'
    StaticTracing.enable!
    order = StaticTracing::Tracepoint.new(:shop, :order, Integer, name: String)
    shop = StaticTracing::Provider.fetch(:shop)
    3.times do |index|
      order.fire(index, 'Ada') and abort 'fired'
      order.fire { abort 'ran the block' } and abort 'fired'
    end
    begin
      order.fire('x', 1)
      abort 'took wrong values'
    rescue StaticTracing::Tracepoint::InvalidArgumentError
    end
    late = shop.batch { shop.add_tracepoint(:late) }
    told = [order.enabled?, shop.enable, shop.enabled?, shop.path, shop.paths, late.path, late.load,
            late.unload, shop.disable, order.provider.equal?(shop), shop.tracepoints.keys]
    StaticTracing.disable!
    StaticTracing.toggle_tracing!
    StaticTracing::Provider.register('shop').destroy
    order.fire(1, 'Ada')
    File.write(ENV['RST_TOLD'], told.inspect)
  RUBY
  NOTHING = [false, false, false, nil, [], nil, false, true, true, true, %w[order late]].freeze

  def setup
    @directory = Dir.mktmpdir('rst-ruby-test')
    @programs = []
  end

  def teardown
    @programs.each(&:close)
    FileUtils.remove_entry(@directory)
  end

  def ruby(script, environment: {}, loads: [])
    directories = (loads + GEM_LOADS).flat_map { |directory| ['-I', directory] }
    program = Program.new(RbConfig.ruby, '-w', *directories, '-e', script,
                          environment: { 'RST_TOLD' => told_path, **environment }, one_cpu: false)
    @programs << program
    program.finish
    assert program.status.success?, program
    program
  end

  def told_path
    File.join(@directory, 'told')
  end

  # Every call is a no-op, one line is logged, and nothing is printed.
  def check_nothing(**options)
    program = ruby(EVERYTHING, **options)
    assert_equal NOTHING.inspect, File.read(told_path)
    assert_empty program.lines
    assert_equal 1, program.errors.lines.size, program
    assert_match(/ WARN -- static_tracing: static tracing is off, and every tracepoint does nothing: /, program.errors)
    program.errors
  end

  def write(name, text)
    path = File.join(@directory, name)
    File.write(path, text)
    path
  end

  def built
    $LOAD_PATH.resolve_feature_path('static_tracing/librst.so').last
  end

  def which_is_loaded(environment = {})
    ruby(<<~RUBY, environment: environment).lines
      require 'ruby-static-tracing'
      StaticTracing::Provider.register(:shop)
      puts StaticTracing::LibRST.path, StaticTracing::LibRST.rst_version
      puts File.foreach('/proc/self/maps').map { |line| line[%r{\\S*/librst[^/\n]*$}] }.compact.uniq
    RUBY
  end

  # ------------------------------------------------------------------------------ which --

  def test_that_the_one_that_the_gem_was_built_with_is_loaded
    assert_equal [built, StaticTracing::VERSION, built], which_is_loaded
    assert_equal [built, StaticTracing::VERSION, built], which_is_loaded({ 'LIBRST_PATH' => '' })
  end

  def test_that_librst_path_is_loaded_instead
    other = File.join(@directory, 'librst-other.so')
    FileUtils.cp(built, other)
    assert_equal [other, StaticTracing::VERSION, other], which_is_loaded({ 'LIBRST_PATH' => other })
  end

  def test_that_librst_path_is_the_library_of_meson
    library = ENV['RST_LIBRARY']
    skip 'RST_LIBRARY names no librst, as meson does' unless library
    path = File.realpath(library)
    assert_equal [library, StaticTracing::VERSION, path], which_is_loaded({ 'LIBRST_PATH' => library })
  end

  # ------------------------------------------------------------------------------ none --

  def test_that_a_librst_path_that_leads_nowhere_makes_all_a_no_op
    assert_includes check_nothing(environment: { 'LIBRST_PATH' => '/nonexistent/librst.so' }), '/nonexistent/librst.so'
  end

  def test_that_a_librst_path_to_no_library_makes_all_a_no_op
    path = write('librst.so', 'not a library')
    assert_includes check_nothing(environment: { 'LIBRST_PATH' => path }), path
    check_nothing(environment: { 'LIBRST_PATH' => @directory })
  end

  def test_that_another_library_makes_all_a_no_op
    assert_match(/rst_\w+/, check_nothing(environment: { 'LIBRST_PATH' => 'libm.so.6' }))
  end

  def test_that_the_same_names_are_refused
    script = <<~'RUBY'
      require 'ruby-static-tracing'
      said = [-> { StaticTracing::Provider.register('p' * 59) }, -> { StaticTracing::Provider.register('a b') },
              *['x y', '1x', "\u00fc", '', "a\0"].map { |name| -> { StaticTracing::Tracepoint.new(:a, name) } },
              *['x y', '1x', "\u00fc", '', "a\0"].map { |name|
                -> { StaticTracing::Tracepoint.new(:a, :b, Integer, name.to_sym => Integer) }
              }].map { |act| begin act.call.inspect rescue "#{$!.class} #{$!.errno} #{$!.message}" end }
      File.write(ENV['RST_TOLD'], said.join("\n"))
    RUBY
    with, without = [{}, { 'LIBRST_PATH' => '/nonexistent' }].map do |environment|
      ruby(script, environment: environment)
      File.read(told_path).lines(chomp: true)
    end
    assert_equal with, without
    assert_equal [12, []], [with.size, with.grep_v(/LibraryError/)]
  end

  def test_that_without_ffi_all_is_a_no_op
    write('ffi.rb', "raise LoadError, 'cannot load such file -- ffi'\n")
    assert_includes check_nothing(loads: [@directory]), 'ffi'
  end

  def test_that_an_ffi_that_fails_makes_all_a_no_op
    write('ffi.rb', "raise 'of another Ruby'\n")
    assert_includes check_nothing(loads: [@directory]), 'of another Ruby'
  end

  # The gem as `--with-system-librst` builds it.
  def without_built(environment)
    native = File.join(File.dirname(built), "native.#{RbConfig::CONFIG['DLEXT']}")
    FileUtils.mkdir_p(File.join(@directory, 'static_tracing'))
    FileUtils.cp(native, File.join(@directory, 'static_tracing'))
    program = Program.new(RbConfig.ruby, '-w', '-I', GEM_LOADS.first, '-I', @directory, '-e', EVERYTHING,
                          environment: { 'RST_TOLD' => told_path, **environment }, one_cpu: false)
    @programs << program
    program.finish
    program
  end

  def test_that_without_one_built_the_installed_one_is_loaded
    FileUtils.cp(built, File.join(@directory, 'librst.so.0'))
    program = without_built({ 'LD_LIBRARY_PATH' => @directory })
    assert_empty program.errors
    assert_match(/\A\[false, true, true, "/, File.read(told_path))
  end

  def test_that_without_any_librst_all_is_a_no_op
    program = without_built({ 'LD_LIBRARY_PATH' => nil })
    skip 'a librst is installed here' if program.errors.empty?
    assert_equal NOTHING.inspect, File.read(told_path)
    assert_includes program.errors, 'librst.so.0'
    assert_equal 1, program.errors.lines.size
  end

  # ------------------------------------------------------------------------------ failures --

  ENABLE = <<~RUBY
    require 'ruby-static-tracing'
    order = StaticTracing::Tracepoint.new(:shop, :order)
    begin
      puts StaticTracing::Provider.fetch(:shop).enable
      puts order.path
    rescue StaticTracing::LibraryError => e
      puts Errno.constants.find { |name| Errno.const_get(name)::Errno == e.errno }, e.message
    end
    puts order.fire
  RUBY

  # As [result or errno's name, path or message].
  def enable(environment)
    program = ruby(ENABLE, environment: environment)
    assert_empty program.errors
    assert_equal 'false', program.lines.last
    program.lines[0..-2]
  end

  def test_that_a_directory_that_is_not_there_raises_with_errno
    name, message = enable({ 'RST_BACKING' => 'file:/nonexistent' })
    assert_equal 'ENOENT', name
    assert_includes message, '/nonexistent'
  end

  def test_that_a_full_table_of_files_raises_with_errno
    full = <<~RUBY
      Process.setrlimit(:NOFILE, 40)
      held = []
      begin
        loop { held << File.open('/dev/null') }
      rescue Errno::EMFILE
      end
    RUBY
    name, message = ruby(ENABLE.sub("begin\n", "\\&#{full}")).lines
    assert_equal 'EMFILE', name
    refute_empty message
  end

  def test_that_a_file_system_without_exec_raises_with_errno
    skip 'mounting takes root' unless Process.euid.zero?
    unshare = ['unshare', '-m', 'sh', '-c', <<~SHELL, 'sh', @directory]
      mount -t tmpfs -o noexec tmpfs "$1" && shift && exec "$@"
    SHELL
    program = Program.new(*unshare, RbConfig.ruby, *GEM_LOADS.flat_map { |path| ['-I', path] }, '-e', ENABLE,
                          environment: { 'RST_BACKING' => "file:#{@directory}" }, one_cpu: false)
    @programs << program
    program.finish
    assert_equal 'EACCES', program.lines.first, program
    assert_includes program.lines[1], 'noexec'
  end

  def test_that_a_cpu_that_librst_does_not_know_is_logged_once
    library = stand_in('rst_provider_load', '-95', 'this CPU is not known')
    program = ruby(<<~RUBY, environment: { 'LIBRST_PATH' => library })
      require 'ruby-static-tracing'
      StaticTracing.enable!
      first = StaticTracing::Tracepoint.new(:shop, :order)
      second = StaticTracing::Tracepoint.new(:bar, :order)
      puts [first.load, second.load, first.fire, second.fire, first.path.inspect, second.provider.enabled?].join(' ')
    RUBY
    assert_equal ['false false false false nil false'], program.lines
    assert_equal 1, program.errors.lines.size, program
    assert_includes program.errors, 'this CPU is not known'
  end

  # A librst that has one function of its own; the rest is librst's.
  def stand_in(function, result, words)
    source = write('stand_in.c', <<~C)
      int #{function}(void *nothing) { (void)nothing; return #{result}; }
      const char *rst_error(void) { return "#{words}"; }
    C
    library = File.join(@directory, 'stand_in.so')
    FileUtils.cp(built, File.join(@directory, 'librst.so'))
    assert system(RbConfig::CONFIG['CC'].split.first, '-shared', '-fPIC', '-o', library, source,
                  '-Wl,--no-as-needed', File.join(@directory, 'librst.so'))
    library
  end

  # ------------------------------------------------------------------------------ files --

  def test_that_with_the_file_backing_a_path_is_a_file_which_goes_with_the_program
    name, path = enable({ 'RST_BACKING' => "file:#{@directory}" })
    assert_equal 'true', name
    assert_match %r{\A#{@directory}/librst-\d+/shop\..*\.so\z}, path
    assert_empty Dir.children(@directory) - %w[told]
  end

  def test_that_an_environment_that_disables_leaves_a_quiet_no_op
    program = ruby(EVERYTHING, environment: { 'RST_DISABLE' => '1' })
    assert_equal NOTHING.inspect, File.read(told_path)
    assert_equal [[], ''], [program.lines, program.errors]
  end
end
