# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# A Sidekiq process, with a redis of its own, runs jobs while bpftrace watches.

require 'support/shown_by_bpftrace'
require 'support/traced'
require 'json'
require 'tmpdir'

class SidekiqTest < TracedTest
  NUMBER = /\A[1-9]\d*\z/.freeze # positive
  RUN = 5 # jobs

  def setup
    super
    need(('redis-server is not installed' unless Tracers.installed?('redis-server')))
    need(lacking)
    need(Tracers.bpftrace_refusal)
    @directory = Dir.mktmpdir('rst-ruby-test-')
  end

  def teardown
    super
    FileUtils.rm_rf(@directory) if @directory
  end

  def lacking
    names = %w[sidekiq active_job].reject { |name| Gem::Specification.find_by_path(name) }
    "#{names.join(', ')} can't be loaded" unless names.empty?
  end

  # @return [String] the URL of a redis that nobody else uses
  def start_redis
    socket = File.join(@directory, 'redis')
    redis = begin_program(Program.new('redis-server', '--port', '0', '--unixsocket', socket, '--save', '',
                                      '--daemonize', 'no'))
    redis.wait_for(/ready to accept connections/i)
    "unix://#{socket}"
  end

  def start_sidekiq(redis)
    loads = GEM_LOADS.flat_map { |path| ['-I', path] }
    begin_program(Program.new(RbConfig.ruby, *loads, '-S', 'sidekiq', '-r', File.join(__dir__, 'support/jobs.rb'),
                              '-c', '1', '-q', 'plain', '-q', 'wrapped',
                              environment: { 'RST_REDIS' => redis, 'RST_BACKING' => "file:#{@directory}" },
                              chdir: @directory))
  end

  # @return [Hash{String => Array<ShownByBpftrace::Fire>}] by tracepoint
  def watched
    sidekiq = start_sidekiq(start_redis)
    places = JSON.parse(sidekiq.wait_for(/\Aplaces (.*)/)[1]).map { |place| ShownByBpftrace.place(*place) }
    program = ShownByBpftrace.program(places, last: { 'sidekiq:perform' => "++@jobs == #{RUN}" })
    tool = bpftrace(program, pid: sidekiq.pid, strlen: 100)
    fires = ShownByBpftrace.fires(tool.printed.grep_v(/\A@/), places).group_by(&:tracepoint)
    refute_match(/static_tracing/, sidekiq.errors + sidekiq.lines.join("\n"))
    fires
  end

  # The values of some arguments, of each fire of a tracepoint.
  def shown(tracepoint, *names)
    @fires.fetch(tracepoint).map { |fire| names.map { |name| fire[name] } }
  end

  # Since Rails 7.1, jobs that are retried or discarded end without an exception.
  def handled(exceptions)
    version = Gem::Specification.find_by_name('activejob').version
    version < Gem::Version.new('7.1') ? exceptions : exceptions.map { '' }
  end

  def test_that_bpftrace_sees_jobs
    @fires = watched
    assert_equal [['Plain', 'plain', '', '0'], %w[Plain plain ArgumentError 0]] + [['Wrapped', 'wrapped', '', '0']] * 3,
                 shown('sidekiq:perform', :job, :queue, :exception, :retries)
    assert_equal [%w[Plain 0], %w[Plain 0], %w[Plain 1], *[%w[Wrapped 0]] * 3, *[%w[Wrapped 1]] * 2],
                 shown('sidekiq:push', :job, :scheduled)
    assert_empty shown('sidekiq:perform', :id) - shown('sidekiq:push', :id)

    assert_equal handled(['', 'Wrapped::Discarded', 'Wrapped::Retried']),
                 shown('active_job:perform', :exception).flatten
    assert_equal [%w[Wrapped wrapped Wrapped::Discarded 1]],
                 shown('active_job:discard', :job, :queue, :error, :executions)
    assert_equal [%w[Wrapped wrapped Wrapped::Retried 1]], shown('active_job:retry', :job, :queue, :error, :executions)
    assert_equal [%w[Wrapped 0]] * 3 + [%w[Wrapped 1]] * 2, shown('active_job:enqueue', :job, :scheduled)

    { 'sidekiq:perform' => %i[nanoseconds queue_nanoseconds], 'active_job:enqueue' => %i[nanoseconds],
      'active_job:perform' => %i[nanoseconds queue_nanoseconds allocations] }.each do |tracepoint, names|
      shown(tracepoint, *names).flatten.each { |number| assert_match(NUMBER, number, tracepoint) }
    end
  end
end
