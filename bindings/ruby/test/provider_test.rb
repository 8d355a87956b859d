# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'helper'
require 'logger'
require 'stringio'

# The life of providers, with nobody watching.
class ProviderTest < Minitest::Test
  Provider = StaticTracing::Provider
  Tracepoint = StaticTracing::Tracepoint

  def setup
    @others = StaticTracing.providers.keys
    @provider = Provider.register(:provider_test)
  end

  def teardown
    StaticTracing.disable!
    StaticTracing.providers.reject { |name,| @others.include?(name) }.each_value(&:destroy)
    StaticTracing.logger = nil
  end

  def test_that_register_finds_what_it_made
    assert_same @provider, Provider.register('provider_test')
    assert_same @provider, Provider.fetch(:provider_test)
    assert_same @provider, StaticTracing.providers[:provider_test]
    assert_same @provider, StaticTracing.providers['provider_test']
    assert_nil StaticTracing.providers[:no_such]
    assert_equal 'provider_test', @provider.namespace
    assert_predicate @provider.namespace, :frozen?
  end

  def test_that_there_is_always_a_global_provider
    assert_equal 'global', Provider.fetch(:global).namespace
    assert_same Provider.fetch('global'), Provider.register
  end

  def test_that_a_missing_provider_is_named_beside_those_there_are
    error = assert_raises(Provider::ProviderMissingError) { Provider.fetch(:no_such) }
    assert_includes error.message, 'there is no provider "no_such"; the providers are: '
    assert_includes error.message, 'provider_test'
    assert_raises(Provider::ProviderMissingError) { Provider.load(:no_such) }
  end

  def test_that_enable_shows_and_disable_hides_all_tracepoints
    tracepoint = @provider.add_tracepoint(:shown, Integer)
    assert_equal [nil, nil, false], [@provider.path, tracepoint.path, @provider.enabled?]

    assert_equal true, @provider.enable
    assert_match %r{\A/proc/#{Process.pid}/fd/\d+\z}, @provider.path
    assert_equal [@provider.path, true], [tracepoint.path, @provider.enabled?]
    assert_includes File.binread(@provider.path), "provider_test\0shown\0"
    assert_equal "#<StaticTracing::Provider provider_test enabled (1 tracepoints)>", @provider.inspect

    assert_equal true, @provider.disable
    assert_equal [nil, nil, false], [@provider.path, tracepoint.path, @provider.enabled?]
    assert_equal true, @provider.load
    assert_equal true, @provider.unload
    assert_equal true, tracepoint.load
    assert_equal true, @provider.enabled?
    assert_equal true, tracepoint.unload
    assert_equal true, Provider.load(:provider_test)
    assert_equal false, tracepoint.fire(1)
  end

  def test_that_tracepoints_added_while_enabled_have_a_path_at_once
    @provider.enable
    assert_nil @provider.path
    paths = %i[one two three].map { |name| @provider.add_tracepoint(name).path }
    assert_equal 3, paths.uniq.compact.size, paths
    assert_equal paths, @provider.paths
    assert_equal paths.first, @provider.path
  end

  def test_that_a_batch_is_one_image
    @provider.enable
    result = @provider.batch do |provider|
      assert_same @provider, provider
      @provider.batch { 10.times { |index| assert_nil provider.add_tracepoint("t#{index}").path } }
      assert_empty @provider.paths
      :result
    end
    assert_equal :result, result
    assert_equal 1, @provider.paths.size
  end

  def test_that_a_child_forked_while_another_thread_has_a_batch_loads_what_is_late
    @provider.enable
    inside = Queue.new
    leave = Queue.new
    thread = Thread.new { @provider.batch { inside << true && leave.pop } }
    inside.pop
    pid = fork { exit!(@provider.add_tracepoint(:late).path ? 0 : 1) }
    assert_equal 0, Process.wait2(pid).last.exitstatus
    @provider.batch do
      pid = fork { exit!(@provider.add_tracepoint(:late).path ? 1 : 0) }
      assert_equal 0, Process.wait2(pid).last.exitstatus
    end
  ensure
    leave << true
    thread.join
  end

  def test_that_a_batch_that_raises_loads_what_it_has
    @provider.enable
    assert_raises(RuntimeError) do
      @provider.batch do
        @provider.add_tracepoint(:made)
        raise 'enough'
      end
    end
    assert_equal 1, @provider.paths.size
    refute_nil @provider.add_tracepoint(:later).path
  end

  def test_that_enabling_everything_covers_what_is_made_later
    early = @provider.add_tracepoint(:early)
    StaticTracing.enable!
    late = Tracepoint.new(:provider_late, :late)
    assert_equal [true, true], [StaticTracing.enabled?, late.provider.enabled?]
    refute_nil early.path
    refute_nil late.path
    StaticTracing.disable!
    assert_equal [nil, nil, false], [early.path, late.path, StaticTracing.enabled?]
    StaticTracing.toggle_tracing!
    assert_equal true, @provider.enabled?
    Provider.disable!
    assert_equal false, @provider.enabled?
    Provider.enable!
    assert_equal true, @provider.enabled?
  end

  def test_that_a_destroyed_provider_leaves_its_name_and_dead_tracepoints
    tracepoint = @provider.add_tracepoint(:gone, Integer)
    @provider.enable
    assert_nil @provider.destroy
    @provider.destroy

    assert_equal [false, false], [tracepoint.enabled?, tracepoint.fire(1)]
    assert_raises(Tracepoint::InvalidArgumentError) { tracepoint.fire }
    assert_raises(Provider::ProviderMissingError) { tracepoint.provider }
    assert_raises(Provider::ProviderMissingError) { tracepoint.path }
    error = assert_raises(StaticTracing::Error) { @provider.add_tracepoint(:more) }
    assert_equal 'provider provider_test was destroyed', error.message
    assert_equal [nil, [], false, false], [@provider.path, @provider.paths, @provider.enable, @provider.enabled?]
    assert_empty @provider.tracepoints

    again = Provider.register(:provider_test)
    refute_same @provider, again
    refute_same tracepoint, again.add_tracepoint(:gone, String)
    assert_equal true, again.enable
    assert_equal false, tracepoint.enabled?
  end

  def test_that_a_snapshot_is_frozen_and_of_now
    @provider.add_tracepoint(:one)
    snapshot = @provider.tracepoints
    @provider.add_tracepoint(:two)
    assert_equal %w[one], snapshot.keys
    assert_predicate snapshot, :frozen?
    assert_same @provider.tracepoints['two'], @provider.tracepoints[:two]
    assert_nil @provider.tracepoints['three']
    assert_nil @provider.tracepoints[3]
  end

  def test_that_a_thousand_lives_leak_neither_memory_nor_descriptors
    lives = lambda do |count|
      count.times do |index|
        provider = Provider.register(:provider_cycle)
        tracepoint = provider.add_tracepoint("t#{index % 3}", order: Integer, customer: String)
        provider.enable
        tracepoint.fire(index, 'Ada')
        provider.add_tracepoint(:late)
        provider.destroy
      end
      GC.start
      [resident, Dir.children('/proc/self/fd').size, File.foreach('/proc/self/maps').count]
    end
    lives.call(200)
    before = lives.call(1)
    after = lives.call(1000)
    assert_equal before[1], after[1], 'descriptors'
    assert_operator after[2] - before[2], :<, 50, 'mappings'
    assert_operator after[0] - before[0], :<, 4096, 'KiB'
  end

  def test_that_threads_that_declare_at_once_all_find_one
    found = 8.times.map {
      Thread.new {
        50.times.map { |index|
          Tracepoint.new(:provider_raced, "t#{index}", Integer)
        }
      }
    }
             .map(&:value)
    assert_equal 1, found.uniq(&:itself).size
    found.transpose.each { |same| assert_equal 1, same.map(&:object_id).uniq.size }
  end

  def test_that_a_load_that_fails_while_others_go_on_is_logged
    log = StringIO.new
    StaticTracing.logger = Logger.new(log)
    @provider.add_tracepoint(:one)
    with_environment('RST_BACKING' => 'nonsense') do
      error = assert_raises(StaticTracing::LibraryError) { @provider.enable }
      assert_equal Errno::EINVAL::Errno, error.errno
      assert_includes error.message, 'nonsense'
      assert_empty log.string
      Provider.enable!
      logged = log.string.lines.grep(/ERROR .*nonsense/).size
      assert_equal StaticTracing.providers.size, logged, log.string
      assert_equal false, @provider.add_tracepoint(:late).fire
      assert_equal logged + 1, log.string.lines.grep(/ERROR .*nonsense/).size, log.string
    end
    assert_equal true, @provider.enable
    assert_equal 2, @provider.tracepoints.values.map(&:path).compact.size
  end

  def test_that_rst_disable_makes_enabling_do_nothing
    with_environment('RST_DISABLE' => '1') do
      tracepoint = @provider.add_tracepoint(:one)
      assert_equal [false, false, nil], [@provider.enable, @provider.enabled?, tracepoint.path]
      assert_equal [false, true], [tracepoint.fire, @provider.disable]
    end
  end

  def test_that_a_tracepoint_whose_load_is_interrupted_is_declared
    provider = StaticTracing::Provider.register(:interrupted)
    provider.enable
    instead_of(StaticTracing::LibRST, :rst_provider_load, ->(_) { raise Interrupt }) do
      assert_raises(Interrupt) { provider.add_tracepoint(:late, Integer) }
    end
    late = provider.add_tracepoint(:late, Integer)
    assert_same late, provider.tracepoints[:late]
    provider.enable
    refute_nil late.path
  ensure
    provider.destroy
  end

  private

  def with_environment(variables)
    before = variables.keys.to_h { |name| [name, ENV[name]] }
    ENV.update(variables)
    yield
  ensure
    ENV.update(before)
  end

  def resident
    File.read('/proc/self/smaps_rollup')[/^Rss:\s*(\d+)/, 1].to_i
  end
end
