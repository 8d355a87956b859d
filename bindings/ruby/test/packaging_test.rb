# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# The gem's file, and what comes of installing it on a machine with a C compiler and ffi.

require 'helper'
require 'rubygems/package'
require 'support/gem_home'

class PackagingTest < Minitest::Test
  PROJECT = File.expand_path('../../..', __dir__)

  # Says which librst was loaded, where the probe is, and whether firing raises.
  SCRIPT = <<~RUBY
    require 'ruby-static-tracing'
    provider = StaticTracing::Provider.register(:packaging)
    tracepoint = provider.add_tracepoint(:checkout, order: Integer, customer: String)
    puts "enabled: \#{provider.enable}"
    puts "path: \#{tracepoint.path.inspect}"
    puts "librst: \#{StaticTracing::LibRST.path.inspect}"
    puts "fired: \#{tracepoint.fire(1, 'x')} \#{tracepoint.fire { raise 'unwatched' }}"
  RUBY

  # What SCRIPT says where there is no librst; before it is a line of the logger's.
  OFF = "enabled: false\npath: nil\nlibrst: nil\nfired: false false\n"

  def read(path)
    File.read(File.join(PROJECT, path))
  end

  def packed
    @packed ||= Gem::Package.new(GemHome.file).contents.sort
  end

  def assert_loads(librst, result)
    said = result.output.sub(%r{"/proc/\d+/fd/\d+"}, 'a descriptor')
    assert_equal "enabled: true\npath: a descriptor\nlibrst: #{librst.inspect}\n" \
                 "fired: false false\n", said
  end

  def assert_off(reason, result)
    logged, said = result.output.split("\n", 2)
    assert_equal OFF, said
    assert_match(/ WARN -- static_tracing: static tracing is off, .* does nothing: /, logged)
    assert_includes logged, reason
  end

  # ------------------------------------------------------------------ the file

  # What is built is a copy, so that the tree stays as it is.
  def build(text = nil)
    checkout = GemHome.scratch
    directory = File.join(checkout, 'bindings', 'ruby')
    FileUtils.mkdir_p(File.dirname(directory))
    %w[bindings/ruby src include].each { |part| FileUtils.cp_r(File.join(PROJECT, part), File.join(checkout, part)) }
    File.write(File.join(directory, File.basename(GemHome::GEMSPEC)), text) if text
    result = GemHome.run({ 'SOURCE_DATE_EPOCH' => '1700000000', 'GEM_PATH' => Gem.path.join(':') },
                         RbConfig.ruby, '-S', 'rake', '--rakefile', File.join(directory, 'Rakefile'), 'build')
    [result, File.join(directory, 'pkg', "#{GemHome::NAME}.gem")]
  end

  def test_that_rake_builds_it_without_a_warning
    result, file = build

    assert result.success?, result.output
    refute_match(/warning/i, result.output)
    assert_equal File.binread(GemHome.file), File.binread(file)
    assert_nil Gem::Package.new(file).spec.homepage
  end

  def test_that_rake_builds_nothing_that_rubygems_warns_of
    warned = { /license/ => ["spec.license = 'MIT'", ''],
               /description and summary are identical/ =>
                 ['spec.description =', 'spec.description = spec.summary; _ ='] }
    warned.each do |warning, (line, other)|
      text = File.read(GemHome::GEMSPEC)
      assert_includes text, line
      result, file = build(text.sub(line, other))

      refute result.success?, result.output
      assert_match(/^WARNING: .*#{warning.source}/m, result.output)
      assert_match(/specification has warnings/, result.output)
      refute File.exist?(file), 'it was built'
    end
  end

  def test_that_the_same_sources_make_the_same_file
    again = File.join(GemHome.scratch, 'again.gem')
    GemHome.build(again)

    assert_equal File.binread(GemHome.file), File.binread(again)
  end

  def test_that_all_sources_of_librst_are_packed_as_files_and_no_program
    sources = Dir.chdir(PROJECT) do
      Dir['src/**/*.{c,h,map}', 'src/none/sources', 'include/*.h'].grep_v(%r{\Asrc/(cli|compat)/})
    end
    assert_operator sources.size, :>, 30, 'the sources were not found'

    assert_equal sources.sort.map { |name| "ext/librst/#{name}" },
                 packed.grep(%r{\Aext/librst/(src|include)/})
    unpacked = File.join(GemHome.usual.path, 'gems', GemHome::NAME)
    sources.each do |name|
      assert_equal read(name), File.read(File.join(unpacked, 'ext/librst', name)), name
      refute File.symlink?(File.join(unpacked, 'ext/librst', name)), name
    end
  end

  def test_that_meson_compiles_no_source_that_is_not_packed
    compiled = read('src/meson.build').scan(%r{^ +'([\w/]+\.c)',$}).flatten | read('src/none/sources').split

    assert_equal compiled.sort.map { |name| "ext/librst/src/#{name}" },
                 packed.grep(%r{\Aext/librst/src/.*\.c\z})
  end

  def test_that_all_of_the_library_its_signatures_and_its_papers_are_packed
    wanted = Dir.chdir(GemHome::ROOT) { Dir['lib/**/*', 'sig/**/*', 'ext/static_tracing/*.{c,h}'] }
    wanted.select! { |name| File.file?(File.join(GemHome::ROOT, name)) }
    wanted += %w[LICENSE README.md .yardopts ext/librst/extconf.rb ext/static_tracing/extconf.rb]

    assert_equal wanted.sort, packed.grep_v(%r{\Aext/librst/(src|include)/})
  end

  def test_that_the_license_is_the_projects
    assert_equal read('LICENSE'), read('bindings/ruby/LICENSE')
  end

  def test_that_gem_library_header_and_build_have_one_version
    version = StaticTracing::VERSION

    assert_equal version, read('include/rst.h')[/^#define RST_VERSION "(.*)"$/, 1]
    assert_equal version, read('meson.build')[/^  version: '(.*)',$/, 1]
    assert_equal version, StaticTracing::LibRST.rst_version if StaticTracing::LibRST.available?
  end

  # ------------------------------------------------------------------ the README's packages

  # Where apt's packages are what is installed: not where a command was borrowed from elsewhere.
  def test_that_the_packages_of_the_readme_have_every_command_of_the_readme
    skip 'there is no dpkg' unless system('dpkg', '--version', out: File::NULL, err: File::NULL)
    readme = read('bindings/ruby/README.md')
    packages = readme[/^sudo apt-get install (.*)$/, 1].split
    installed = lines('apt-cache', 'depends', '--recurse', '--important', '--installed', *packages).grep(/\A\S/)

    commands = readme.scan(/^```sh \w+\n(.*?)^```/m).join.scan(/^(?:sudo |\w+=\w+ )*(\w+)/).flatten
    commands = (commands - %w[cd apt]).uniq
    assert_equal %w[bpftrace bundle gem rake ruby], commands.sort
    lacking = commands.reject { |command| (packages_of(command) & installed).any? }
    assert_empty lacking, "no package of #{packages} brings these"
  end

  def packages_of(command)
    path = ENV['PATH'].split(':').map { |place| File.join(place, command) }.find { |file| File.executable?(file) }
    skip "there is no #{command}" unless path
    skip "#{path} is of no package" if path.start_with?('/usr/local/')
    lines('dpkg', '-S', path, path.delete_prefix('/usr')).map { |line| line[/\A[^:]+/] }
  end

  def lines(*command)
    Open3.capture2(*command, err: File::NULL).first.lines(chomp: true)
  end

  # ------------------------------------------------------------------ installed

  def test_that_an_installed_gem_has_a_librst_of_its_own
    assert_loads GemHome.usual.library('librst'), GemHome.usual.ruby(SCRIPT)
  end

  def test_that_installing_compiles_without_a_warning
    compiled = GemHome.usual.said.scan(/^compiling .*?(\w+\.c)$/).flatten

    elsewhere = %r{/none/[^/]+\.c\z} # for other systems than Linux
    assert_equal packed.grep(/\.c\z/).grep_v(elsewhere).map { |name| File.basename(name) }.sort, compiled.sort
    refute_match(/warning:/i, GemHome.usual.said)
  end

  def test_that_the_libraries_export_what_they_are_to_export
    assert_equal %w[Init_native], exported('native')
    assert_equal (read('src/librst.map').scan(/^\s+(rst_\w+);$/).flatten + ['RST_0']).sort,
                 exported('librst')
  end

  def exported(name)
    table, status = Open3.capture2('nm', '-D', '--defined-only', GemHome.usual.library(name))
    assert status.success?, 'nm failed'
    table.scan(/^\h+ \w (\w+)/).flatten.sort
  end

  def test_that_librst_is_not_linked_with_ruby_and_is_never_unloaded
    dynamic, = Open3.capture2('readelf', '-dW', GemHome.usual.library('librst'))

    assert_match(/\(NEEDED\).*\[libc\./, dynamic)
    refute_match(/ruby/, dynamic)
    assert_match(/\(FLAGS_1\).*\bNODELETE\b/, dynamic)
  end

  def test_that_librst_path_overrides_all
    other = File.join(GemHome.scratch, 'other.so')
    FileUtils.cp(GemHome.usual.library('librst'), other)

    assert_loads other, GemHome.usual.ruby(SCRIPT, 'LIBRST_PATH' => other)
    assert_off '/nonexistent/librst.so: cannot open shared object file',
               GemHome.usual.ruby(SCRIPT, 'LIBRST_PATH' => '/nonexistent/librst.so')
  end

  def test_that_it_can_be_installed_without_its_librst_and_use_another_and_be_uninstalled
    home = GemHome.new
    home.install!(GemHome.file, '--with-system-librst')
    system = GemHome.scratch
    # RST_LIBRARY is the one that meson built.
    FileUtils.cp(ENV['RST_LIBRARY'] || GemHome.usual.library('librst'), File.join(system, 'librst.so.0'))

    assert_includes home.said, 'librst is not built: --with-system-librst asks for the installed one'
    refute File.exist?(home.library('librst')), 'there is a librst'
    assert_loads 'librst.so.0', home.ruby(SCRIPT, 'LD_LIBRARY_PATH' => system)
    check_uninstalling(home)
  end

  def check_uninstalling(home)
    assert home.gem('uninstall', 'ruby-static-tracing').success?
    assert_empty Dir[File.join(home.path, '{gems,extensions/*/*,specifications}', 'ruby-static-tracing*')]
    home.install!(GemHome.file, '--with-system-librst')
    assert_equal "true\n", home.ruby("p require 'ruby-static-tracing'").output
  end

  # ------------------------------------------------------------------ other machines

  # What is built is this machine's, but of the sources for that system.
  def test_that_elsewhere_than_on_linux_it_loads_nothing_and_says_so
    home = GemHome.new(preamble: <<~RUBY)
      Object.send(:remove_const, :RUBY_PLATFORM)
      RUBY_PLATFORM = 'arm64-darwin23'
    RUBY
    home.install!(GemHome.file)

    said = home.ruby(SCRIPT).output
    assert_equal 1, said.scan("where its probes can't be watched").size, said
    assert_includes said, "enabled: false\npath: nil\nlibrst: #{home.library('librst').inspect}\nfired: false false\n"
  end

  def test_that_where_librst_cannot_be_compiled_it_is_installed_and_does_nothing
    home = with_compiler(<<~SHELL)
      #!/bin/sh
      # One that doesn't know what image.c needs.
      grep -qs '"image/image.h"' conftest.c && { echo "conftest.c: no image can be made" >&2; exit 1; }
      exec #{RbConfig::CONFIG['CC']} "$@"
    SHELL
    home.install!(GemHome.file)

    assert_match(/librst is not built: the compiler failed on \w+\.c/, home.said)
    log = File.read(File.join(home.path, 'gems', GemHome::NAME, 'ext', 'librst', 'left-out.log'))
    assert_match(/no image can be made.*librst is not built: the compiler failed on/m, log)
    assert_off 'the gem was built without librst (its ext/librst/left-out.log says why)', home.ruby(SCRIPT)
  end

  def test_that_clang_compiles_it_without_a_warning
    skip 'there is no clang' unless system('clang --version', out: File::NULL, err: File::NULL)
    # Its warnings are the same without optimization, of which -D_FORTIFY_SOURCE would warn.
    home = with_compiler("#!/bin/sh\nexec clang \"$@\" -O0 -U_FORTIFY_SOURCE\n")
    home.install!(GemHome.file)

    refute_match(/warning:/i, home.said)
    assert_loads home.library('librst'), home.ruby(SCRIPT)
  end

  # A place where `script` is the C compiler.
  def with_compiler(script)
    compiler = File.join(GemHome.plain_scratch, 'compiler')
    File.write(compiler, script, perm: 0o755)
    GemHome.new(preamble: <<~RUBY)
      require 'rbconfig'
      RbConfig::CONFIG['CC'] = RbConfig::MAKEFILE_CONFIG['CC'] = #{compiler.dump}
    RUBY
  end

  # ------------------------------------------------------------------ from the tree

  def test_that_compiling_in_the_tree_writes_only_where_it_is_told_to
    before = tree
    built = GemHome.scratch
    result = GemHome.run({ 'RST_RUBY_BUILD' => built, 'GEM_PATH' => Gem.path.join(':') },
                         RbConfig.ruby, '-S', 'rake', 'compile', directory: GemHome::ROOT)

    assert result.success?, result.output
    assert_equal %w[librst.so native.so], Dir[File.join(built, '**', 'lib', '**', '*.so')].map { |name|
      File.basename(name)
    }.sort
    assert_equal before, tree
  end

  def tree
    Dir.chdir(PROJECT) do
      Dir['{src,include,bindings/ruby/{ext,lib,sig,test}}/**/*', 'bindings/ruby/*']
        .select { |name| File.file?(name) }.map { |name| [name, File.mtime(name)] }.to_h
    end
  end
end
