# frozen_string_literal: true

require 'helper'
require 'support/tracer_case'

# Programs of the shape that they had with the earlier gem, in a Ruby of their own.
class CompatibilityTest < TracerCase
  def setup
    super
    need(SelfWatch.missing)
  end

  def test_tracepoints
    output = ruby(<<~'RUBY', '-rsupport/self_watch')
      provider = StaticTracing::Provider.register('global')
      tracepoint = StaticTracing::Tracepoint.new('global', 'hello_nsec', Integer, String)
      provider.add_tracepoint('other', Integer)
      puts tracepoint.provider.enable
      p [provider.namespace, provider.name, tracepoint.provider_name, tracepoint.name, tracepoint.args]
      n = SelfWatch.count(tracepoint) do
        tracepoint.fire(StaticTracing.nsec, 'Hello world') if tracepoint.enabled?
        StaticTracing::Tracepoint.fetch('global', 'hello_nsec').fire(1, '')
      end
      puts n
      begin
        tracepoint.fire('1', 2)
      rescue StaticTracing::Tracepoint::InvalidArgumentError
        puts 'invalid'
      end
      begin
        StaticTracing::Tracepoint.new('global', 'no', Array)
      rescue StaticTracing::Tracepoint::InvalidArgType
        puts 'no type'
      end
      begin
        StaticTracing::Provider.fetch('none')
      rescue StaticTracing::BaseError => e
        puts e.class
      end
      begin
        StaticTracing::Provider.register('no name')
      rescue StaticTracing::USDTError, StaticTracing::InternalError
        puts 'no name'
      end
      puts [provider, 'global', :global].map { |one| StaticTracing::Provider.fetch(one).equal?(provider) }.uniq
      puts StaticTracing::Provider.register(provider).equal?(provider)
      puts provider.disable, StaticTracing::Platform.linux?, StaticTracing::Platform.supported_platform?
    RUBY
    assert_equal ['true', '["global", "global", "global", "hello_nsec", [Integer, String]]', '2', 'invalid', 'no type',
                  'StaticTracing::Provider::ProviderMissingError', 'no name', 'true', 'true', 'true', 'true', 'true'],
                 output.lines(chomp: true)
  end

  def test_tracers
    output = ruby(<<~'RUBY', '-rsupport/self_watch')
      require 'ruby-static-tracing/tracer/concerns/latency_tracer'

      class Timed
        def slow(x) x; end
        def rest; end
        include StaticTracing::Tracer::Concerns::Latency
      end

      class Example
        def noop; :noop; end
        def timed(*args) args; end
        StaticTracing::Tracer::Stack.register(self, :noop)
        StaticTracing::Tracer::Latency.register(self, [:timed])
      end

      class Sizes < StaticTracing::Tracer::Base
        extend StaticTracing::Tracer::Helpers
        set_wrapping_function lambda { |*args, &block|
          result = super(*args, &block)
          provider = StaticTracing::Tracer::Helpers.underscore(self.class.name)
          StaticTracing::Tracepoint.fetch(provider, __method__.to_s).fire(result.size)
          result
        }
        set_tracepoint_data_types(Integer)
      end
      class Sized
        def list; [1, 2]; end
        Sizes.register(self, :list)
      end

      begin
        StaticTracing::Tracers.add(String)
      rescue StaticTracing::Tracers::InvalidTracerError
        puts 'invalid'
      end
      StaticTracing::Tracers.add(Sizes)
      StaticTracing.configure do |config|
        config.add_tracer(StaticTracing::Tracer::Latency)
        config.mode = StaticTracing::Configuration::Modes::ON
        config.signal = StaticTracing::Configuration::Modes::SIGNALS::SIGPROF
      end
      { %w[timed slow] => -> { Timed.new.slow(1) }, %w[example noop_stack] => -> { Example.new.noop },
        %w[example timed] => -> { Example.new.timed(1, 2) }, %w[sized list] => -> { Sized.new.list } }
        .each { |names, call| puts SelfWatch.count(StaticTracing::Tracepoint.fetch(*names)) { p call.call } }
      StaticTracing::Tracers.disable!
      puts StaticTracing::Tracer.all.any?(&:enabled?)
      StaticTracing::Tracers.enable!
      puts StaticTracing::Tracer.all.all?(&:enabled?)
      StaticTracing::Tracers.clean
      p StaticTracing::Tracer.all, Sizes.enabled?, Sized.instance_method(:list).owner, Sizes.registered
      StaticTracing.enable!
      p Sized.instance_method(:list).owner
      Sizes.enable!
      p StaticTracing::Tracer.all, Sizes.enabled?
      StaticTracing.disable!
      puts StaticTracing.enabled?
    RUBY
    assert_equal ['invalid', '1', '1', ':noop', '1', '[1, 2]', '1', '[1, 2]', '1', 'false', 'true',
                  '[]', 'false', 'Sized', '{Sized=>[:list]}', 'Sized', '[Sizes]', 'true', 'false'],
                 output.lines(chomp: true)
  end
end
