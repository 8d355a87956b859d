# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# sig/ says what lib/ does: all of it, and nothing else.

require 'helper'
require 'json'
require 'open3'
require 'rbconfig'
require 'tempfile'

%w[notifications rack active_job active_record log_lines puma sidekiq].each { |name| require "static_tracing/#{name}" }

begin
  verbose = $VERBOSE
  $VERBOSE = nil # -w is for this gem
  require 'rbs'
  require 'yard'
rescue LoadError => e
  LACKING_RBS = e.message
ensure
  $VERBOSE = verbose
end

class SignaturesTest < Minitest::Test
  ROOT = File.expand_path('..', __dir__)
  LIBRARIES = %w[-r monitor -r logger -I sig].freeze

  # What YARD doesn't see, because it is made in C; for this gem only.
  INTERNAL = %w[
    StaticTracing::Native StaticTracing::Native::RaiseObserver StaticTracing::Tracer::AllocationMeter
    StaticTracing::Tracer::Meter StaticTracing::Tracer::Stopwatch StaticTracing::Tracer::VisibilityHooks
  ].freeze

  # Those tests that call what has a signature, and that don't look at frames or count allocations.
  TYPED_TESTS = %w[tracepoint provider raising configuration tracer testing verify tracers].freeze

  def setup
    skip LACKING_RBS if defined?(LACKING_RBS)
  end

  def rbs(*arguments)
    Open3.capture2e(RbConfig.ruby, Gem.bin_path('rbs', 'rbs'), *LIBRARIES, *arguments, chdir: ROOT)
  end

  # @return [Array<Module>] what has documentation, and isn't documented as private
  def public_modules
    documented.reject { |object| private?(object) }.map { |object| Object.const_get(object.path) }
  end

  def documented
    @@documented ||= begin
      YARD::Registry.clear
      YARD.parse(File.join(ROOT, 'lib/**/*.rb'), [], YARD::Logger::ERROR)
      YARD::Registry.all(:module, :class)
    end
  end

  def private?(object)
    object && object.tag(:api)&.text == 'private'
  end

  def environment
    @@environment ||= begin
      loader = RBS::EnvironmentLoader.new
      %w[monitor logger].each { |name| loader.add(library: name, version: nil) }
      loader.add(path: Pathname(File.join(ROOT, 'sig')))
      RBS::Environment.from_loader(loader).resolve_type_names
    end
  end

  def type_name(mod)
    RBS::TypeName.new(name: mod.name.split('::').last.to_sym,
                      namespace: RBS::Namespace.parse("::#{mod.name}").parent)
  end

  # Each public method as in `StaticTracing::Provider#enable` or `StaticTracing::Provider.all`.
  def defined_methods
    public_modules.flat_map do |mod|
      mod.public_instance_methods(false).map { |name| "#{mod}##{name}" } +
        mod.singleton_methods(false).map { |name| "#{mod}.#{name}" }
    end.reject { |path| private?(YARD::Registry.at(path)) }
  end

  def signed_methods
    builder = RBS::DefinitionBuilder.new(env: environment)
    public_modules.flat_map do |mod|
      type = type_name(mod)
      next [] unless environment.class_decls.key?(type)

      own(builder.build_instance(type), type, "#{mod}#") + own(builder.build_singleton(type), type, "#{mod}.")
    end
  end

  def own(definition, type, prefix)
    definition.methods.select { |_, method| method.implemented_in == type && method.accessibility == :public }
              .keys.map { |name| "#{prefix}#{name}" }
  end

  def test_that_the_signatures_are_valid
    output, status = rbs('validate')
    assert status.success?, output
  end

  def test_that_every_module_is_either_documented_or_internal
    documented # by YARD
    found = modules_in(StaticTracing)

    assert_empty found.reject { |name| YARD::Registry.at(name) } - INTERNAL
  end

  def modules_in(mod)
    [mod.name] + mod.constants(false).map { |name| mod.const_get(name) }
                    .select { |inner| inner.is_a?(Module) && inner.name.start_with?("#{mod.name}::") }
                    .flat_map { |inner| modules_in(inner) }
  end

  def test_that_every_public_module_and_method_has_a_signature
    assert_empty public_modules.reject { |mod| environment.class_decls.key?(type_name(mod)) }
    assert_empty defined_methods - signed_methods
  end

  def test_that_every_signature_is_of_a_public_method
    signed = signed_methods.reject { |path| path.end_with?('.new', '#initialize') }
    assert_operator signed.size, :>, 30

    assert_empty signed - defined_methods
    declared = environment.class_decls.keys.map { |name| name.to_s.delete_prefix('::') }
                          .select { |name| name.start_with?('StaticTracing') }
    assert_empty declared - public_modules.map(&:name)
  end

  def test_that_every_public_constant_has_a_signature_and_the_reverse
    documented # by YARD
    constants = YARD::Registry.all(:constant).reject { |object| private?(object) || private?(object.namespace) }
                              .select { |object| object.visibility == :public }.map(&:path)
    signed = environment.constant_decls.keys.map { |name| name.to_s.delete_prefix('::') }
                        .select { |name| name.start_with?('StaticTracing::') }

    assert_equal constants.sort, signed.sort
  end

  def test_that_methods_take_and_return_what_is_signed
    report = run_typed(TYPED_TESTS.map { |name| "test/#{name}_test.rb" }
                                  .select { |file| File.exist?(File.join(ROOT, file)) })

    assert_empty report.fetch('errors')
    %w[StaticTracing::Tracepoint#fire StaticTracing::Provider#add_tracepoint].each do |name|
      assert_operator report.fetch('calls').fetch(name, 0), :>, 0, "#{name} was not called"
    end
  end

  # @return [Hash] what support/typed.rb found while these tests ran
  def run_typed(tests)
    Tempfile.create('typed') do |file|
      environment = { 'RST_TYPED' => file.path, 'RBS_TEST_OPT' => LIBRARIES.join(' '),
                      'RBS_TEST_TARGET' => 'StaticTracing::*', 'RBS_TEST_LOGLEVEL' => 'error' }
      load_path = [File.join(ROOT, 'lib'), built, __dir__].flat_map { |path| ['-I', path] }
      output, = Open3.capture2e(environment, RbConfig.ruby, *load_path, '-rsupport/typed',
                                *tests.flat_map { |test| ['-r', "./#{test}"] }, '-e', '', chdir: ROOT)
      written = file.read
      refute_empty written, output
      JSON.parse(written)
    end
  end

  # Where the C parts are that this process has loaded.
  def built
    $LOADED_FEATURES.grep(%r{/static_tracing/native\.}).first.sub(%r{/static_tracing/native\..*}, '')
  end
end
