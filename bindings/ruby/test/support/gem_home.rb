# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'fileutils'
require 'open3'
require 'rbconfig'
require 'tmpdir'

# A place of its own where the gem is installed from its file, as a user would: with an environment
# that has nothing of this tree in it. The place's name has a space.
class GemHome
  ROOT = File.expand_path('../..', __dir__)
  GEMSPEC = File.join(ROOT, 'ruby-static-tracing.gemspec')
  NAME = "ruby-static-tracing-#{StaticTracing::VERSION}"

  # What a command wrote, all of it, and whether it was successful.
  Result = Struct.new(:output, :success) do
    alias_method :success?, :success
  end

  class << self
    # @return [String] the gem's file, built once
    def file
      @file ||= File.join(scratch, "#{NAME}.gem").tap do |path|
        result = build(path)
        raise result.output unless result.success?
      end
    end

    # @return [Result] of building the gem's file
    def build(path)
      run({ 'SOURCE_DATE_EPOCH' => '1700000000' }, *gem_command('build', GEMSPEC, '-o', path),
          directory: ROOT)
    end

    # @return [GemHome] where the gem is installed as it should be, once
    def usual
      @usual ||= new.tap { |home| home.install!(file) }
    end

    # @return [String] a directory that is removed at the end, with a space in its path
    def scratch
      File.join(plain_scratch, 'a directory').tap { |directory| Dir.mkdir(directory) }
    end

    # @return [String] the same without a space, for what RUBYOPT and CC are to hold
    def plain_scratch
      Dir.mktmpdir('static-tracing-').tap do |directory|
        Minitest.after_run { FileUtils.rm_rf(directory) }
      end
    end

    def run(environment, *command, directory: '/')
      clean = { 'PATH' => ENV.fetch('PATH'), 'HOME' => '/nonexistent', 'LC_ALL' => 'C.UTF-8' }
      output, status = Open3.capture2e(clean.merge(environment), *command,
                                       unsetenv_others: true, chdir: directory)
      Result.new(output, status.success?)
    end

    # `gem`, of this very Ruby.
    def gem_command(*arguments)
      [RbConfig.ruby, '-e', 'require "rubygems/gem_runner"; Gem::GemRunner.new.run(ARGV.dup)',
       '--', *arguments]
    end
  end

  attr_reader :path

  # @param preamble [String, nil] Ruby that is run before RubyGems and before extconf.rb
  def initialize(preamble: nil)
    @path = self.class.scratch
    # ffi is found where it is found now.
    @environment = { 'GEM_HOME' => path, 'GEM_PATH' => [path, *Gem.path].join(':') }
    return unless preamble

    file = File.join(self.class.plain_scratch, 'preamble.rb')
    File.write(file, preamble)
    @environment['RUBYOPT'] = "-r#{file}"
  end

  # @return [Result]
  def install(file, *options)
    gem('install', '--local', '--no-document', '--verbose', file, '--', *options)
  end

  # @return [String] what installing said
  def install!(file, *options)
    result = install(file, *options)
    raise result.output unless result.success?

    @said = result.output
  end

  # @return [String] what installing said
  attr_reader :said

  # Run `gem` with this place as its home.
  # @return [Result]
  def gem(*arguments)
    self.class.run(@environment, *self.class.gem_command(*arguments))
  end

  # Run a script that requires the gem.
  # @return [Result]
  def ruby(script, environment = {})
    self.class.run(@environment.merge(environment), RbConfig.ruby, '-w', '-e', script)
  end

  # @return [String] a file of the installed gem
  def library(name)
    File.join(path, 'gems', NAME, 'lib', 'static_tracing', "#{name}.#{RbConfig::CONFIG['DLEXT']}")
  end
end
