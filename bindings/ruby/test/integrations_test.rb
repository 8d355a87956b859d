# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# What gives frameworks tracepoints, without an application: see rails_test.rb and sidekiq_test.rb.

require 'logger'
require 'open3'
require 'rbconfig'
require 'stringio'
require 'support/raised_semaphore'
require 'support/shown_by_bpftrace'
require 'support/traced'
require 'tmpdir'

verbose = $VERBOSE
$VERBOSE = nil # -w is for this gem
begin
  require 'active_record'
  require 'active_support/core_ext/class/subclasses' # which it loads later
rescue LoadError => e
  LACKING_RAILS = e.message
ensure
  $VERBOSE = verbose
end

class IntegrationsTest < TracedTest
  FILES = %w[notifications rack active_job active_record log_lines puma sidekiq rails].freeze
  SOME_SECONDS = (4_900_000_000..1_000_000_000_000).freeze # in nanoseconds
  DIRECTORY = Dir.mktmpdir('rst-ruby-test-')
  Minitest.after_run { FileUtils.rm_rf(DIRECTORY) }

  def setup
    super
    skip LACKING_RAILS if defined?(LACKING_RAILS)
    StaticTracing.configuration.backing = "file:#{DIRECTORY}"
    StaticTracing::Watcher.interval = 0.01
    FILES.each { |name| require "static_tracing/#{name}" }
    StaticTracing.enable!
  end

  def teardown
    StaticTracing.configuration.backing = 'auto'
    super
  end

  def place(tracepoint)
    ShownByBpftrace.place(tracepoint.provider_name, tracepoint.name, tracepoint.path, tracepoint.signature)
  end

  # Raise a tracepoint's semaphore, as a tracer does.
  def while_watched(tracepoint)
    raised = RaisedSemaphore.new(Process.pid, place(tracepoint))
    StaticTracing::Watcher.check
    yield
  ensure
    raised&.close
    StaticTracing::Watcher.check
  end

  def logged
    said = StringIO.new
    StaticTracing.logger = Logger.new(said)
    yield
    said.string
  ensure
    StaticTracing.logger = nil
  end

  # ------------------------------------------------------------------ where a framework is not there

  def test_that_each_file_does_nothing_where_its_framework_is_not_there
    script = FILES.map { |name| "require 'static_tracing/#{name}'" }.join("\n") + <<~RUBY

      parts = %i[Notifications ActiveJob ActiveRecord Puma Sidekiq].map { |name| StaticTracing.const_get(name) }
      puts parts.map { |part| [part.there?, part.connect] }.uniq.inspect
      puts StaticTracing.providers.keys.sort.inspect
      begin
        StaticTracing::Notifications.fire(StaticTracing::Tracepoint.new(:shop, :order), 'order.shop') { [] }
      rescue StaticTracing::Error => e
        puts e.message
      end
    RUBY
    loads = GEM_LOADS.flat_map { |path| ['-I', path] }
    said, status = Open3.capture2e(RbConfig.ruby, '-w', *loads, '-e', script)
    assert status.success?, said
    assert_equal "[[false, false]]\n[\"log\", \"rack\"]\n" \
                 "ActiveSupport::Notifications is not loaded; require \"active_support\" first\n", said
  end

  def test_that_connecting_again_changes_nothing
    before = StaticTracing.providers.transform_values { |provider| provider.tracepoints.size }
    assert_equal [true],
                 [StaticTracing::Notifications, StaticTracing::ActiveRecord,
                  StaticTracing::LogLines].map(&:connect).uniq
    assert_equal before, StaticTracing.providers.transform_values { |provider| provider.tracepoints.size }
  end

  # ------------------------------------------------------------------ the line of the application

  def site
    StaticTracing::Integration::CallSite
  end

  # Where the application is that asks from a file of that name.
  def line_from(file)
    eval("\n\nsite.find", binding, file)
  end

  def test_that_a_line_is_the_applications_own
    assert_equal 'app/order.rb:3', line_from('app/order.rb')
    assert_equal "#{__FILE__}:#{method(:line_from).source_location.last + 1}", line_from('(eval)')
    assert_equal "#{__FILE__}:#{method(:line_from).source_location.last + 1}", line_from("#{Gem.path.first}/gem.rb")
    site.root = '/srv/shop'
    assert_equal 'app/order.rb:3', line_from('/srv/shop/app/order.rb')
    refute_match(/vendor|shopping/, line_from('/srv/shop/vendor/gem.rb') + line_from('/srv/shopping/order.rb'))
    (site::REMEMBERED + 1).times { |number| line_from("/srv/shop/#{number}") }
    assert_operator site.instance_variable_get(:@known).size, :<=, site::REMEMBERED
  ensure
    site.root = nil
  end

  # ------------------------------------------------------------------ notifications of the application's own

  def order
    @order ||= StaticTracing::Tracepoint.new(:integrations, :order, id: Integer, nanoseconds: Integer)
  end

  def listening?(name)
    ActiveSupport::Notifications.notifier.listening?(name)
  end

  def notify(payload = {})
    ActiveSupport::Notifications.instrument('order.shop', payload) { 'done' }
  end

  def test_that_a_notification_is_subscribed_to_only_while_it_is_watched
    seen = []
    subscription = StaticTracing::Notifications.fire(order, 'order.shop', /\Aother/) do |event|
      seen << [event.name, event[:id], event.text(:none), event.exception, event.caller, event.inspect[0, 40]]
      [event[:id], event.nanoseconds]
    end
    refute listening?('order.shop')
    while_watched(order) do
      assert listening?('order.shop') && listening?('other.shop')
      assert_equal 'done', notify(id: 7)
      assert_raises(KeyError) { ActiveSupport::Notifications.instrument('order.shop', id: 8) { raise KeyError } }
    end
    refute listening?('order.shop') || listening?('other.shop')
    line = __LINE__
    assert_equal [['order.shop', 7, '', ''], ['order.shop', 8, '', 'KeyError']], seen.map { |values| values.take(4) }
    assert_equal [[__FILE__, true]], seen.map { |values|
                                       [values[4].sub(/:\d+\z/, ''), values[4][/\d+\z/].to_i < line]
                                     }.uniq
    subscription.cancel
    while_watched(order) { refute listening?('order.shop') }
  end

  def test_that_what_goes_wrong_in_a_block_stays_there
    broken = StaticTracing::Tracepoint.new(:integrations, :broken, id: Integer)
    subscription = StaticTracing::Notifications.fire(broken, 'order.shop') { |event| event[:id].fetch(:no) }
    said = logged { while_watched(broken) { 3.times { assert_equal 'done', notify(id: []) } } }
    assert_equal 1, said.scan(/TypeError; logged once/).size, said
  ensure
    subscription&.cancel
  end

  def test_that_the_block_of_a_notification_is_verified
    refused = ->(event) { [event.payload.size, 0] }
    error = assert_raises(StaticTracing::Verifier::RefusedError) do
      StaticTracing::Notifications.fire(order, 'order.shop', verify: true, &refused)
    end
    assert_match(/\Aintegrations:order\(.*\): the block is refused: .*\.size: an unknown object's size/, error.message)
    assert_raises(ArgumentError) { StaticTracing::Notifications.fire(order, 'order.shop', verify: 1, &refused) }
    subscriptions = [StaticTracing::Notifications.fire(order, 'order.shop', verify: true) do |event|
      [StaticTracing::Peek.integer(event[:id]) || -1, event.nanoseconds + event.allocations]
    end]
    said = logged do
      subscriptions << StaticTracing::Notifications.fire(order, 'order.shop', verify: :warn, &refused)
      fires = StaticTracing::Testing.record('integrations:order') { notify(id: 7, 'key' => 1) }
      assert_equal([7, 2], fires.map { |fire| fire.values.first })
    end
    assert_equal 1, said.scan('the block is refused').size, said
  ensure
    subscriptions&.each(&:cancel)
  end

  # Not for a block of the payload's, nor for a method of its class.
  def test_that_a_payload_is_looked_at_without_its_own_code
    payloads = [Hash.new { abort }.update(id: 1), Class.new(Hash) { def [](_) abort; end }.new.update('id' => 2)]
    events = payloads.map { |payload| StaticTracing::Notifications::Event.new('a', payload, 0, 0) }
    assert_equal [1, 2, nil], [*events.map { |event| event[:id] }, events.first[:none]]
  end

  # What rails:sql and the others fire is the gem's own.
  def test_that_the_blocks_of_the_gem_run_whatever_is_verified
    StaticTracing::Configuration.verify = true
    said = logged do
      fires = StaticTracing::Testing.record('rails:sql', 'log') do
        ActiveSupport::Notifications.instrument('sql.active_record', sql: 'SELECT 1', name: 'one')
        Logger.new(StringIO.new).warn('a line')
      end
      assert_equal({ 'rails:sql' => 'SELECT 1', 'log:line' => 'a line' },
                   fires.to_h { |fire| [fire.name, fire.to_h['sql'] || fire.to_h['message']] })
    end
    assert_empty said
  ensure
    StaticTracing::Configuration.verify = false
  end

  def test_that_a_notification_during_which_watching_begins_or_ends_fires_nothing
    fired = []
    subscription = StaticTracing::Notifications.fire(order, 'order.shop') { |event|
      fired << event[:id] and [event[:id], 0]
    }
    raised = nil
    notify_with(1) { raised = RaisedSemaphore.new(Process.pid, place(order)) and StaticTracing::Watcher.check }
    notify_with(2)
    notify_with(3) { raised.close || StaticTracing::Watcher.check }
    while_watched(order) { notify_with(4) }
    assert_equal [2, 4], fired
  ensure
    subscription&.cancel
  end

  def notify_with(id)
    ActiveSupport::Notifications.instrument('order.shop', id: id) { yield if block_given? }
  end

  def test_what_fire_refuses
    without_name = assert_raises(ArgumentError) { StaticTracing::Notifications.fire(order) { [] } }
    assert_match(/\Aintegrations:order\(.*\): give the name of a notification, as in 'sql.active_record'\z/,
                 without_name.message)
    without_block = assert_raises(ArgumentError) { StaticTracing::Notifications.fire(order, 'order.shop') }
    assert_match(/\Aintegrations:order\(.*\): give a block that returns the values\z/, without_block.message)
  end

  def test_that_a_logger_of_another_ractor_writes_on_while_it_is_watched
    skip('this Ruby has no Ractors') unless defined?(Ractor)
    while_watched(StaticTracing::Tracepoint.fetch(:log, :line)) do
      refute_equal Logger, Logger.instance_method(:format_message).owner
      ractor = Ractor.new { Logger.new(File::NULL).info('of a Ractor') }
      assert_equal true, ractor.respond_to?(:value) ? ractor.value : ractor.take
    end
    assert_equal Logger, Logger.instance_method(:format_message).owner
  end

  # ------------------------------------------------------------------ rack

  def test_the_route_that_an_application_says
    { { controller: 'admin/order_lines', action: 'show' } => 'Admin::OrderLinesController#show',
      {} => '/path' }.each do |parameters, route|
      assert_equal route,
                   StaticTracing::Rack.route({ 'action_dispatch.request.path_parameters' => parameters }, '/path')
    end
    assert_equal 'GET /orders/:id', StaticTracing::Rack.route({ 'sinatra.route' => 'GET /orders/:id' }, '/orders/7')
    assert_equal '/path', StaticTracing::Rack.route({}, '/path')
  end

  def test_since_when_a_request_was_in_the_queue
    began = Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond) - 5_000_000_000
    seconds = format('%.3f', began / 1e9)
    [seconds, "t=#{seconds}", began / 1_000_000, "t=#{began / 1000}", began.to_s].each do |header|
      assert_includes SOME_SECONDS, StaticTracing::Rack.queued('HTTP_X_REQUEST_START' => header.to_s), header
    end
    unknown = [nil, '', 'yesterday', "\xFF", '12', "t=#{began}0"]
    assert_equal([-1], unknown.map { |header| StaticTracing::Rack.queued('HTTP_X_REQUEST_START' => header) }.uniq)
    assert_equal 0, StaticTracing::Rack.queued('HTTP_X_REQUEST_START' => '9999999999')
  end

  def test_where_a_request_has_its_id
    of_client = { 'HTTP_X_REQUEST_ID' => 'client' }
    places = [[of_client.merge('action_dispatch.request_id' => 'rails')], [of_client],
              [{}, [200, { 'x-request-id' => 'answer' }]], [{}, [200, { 'X-Request-Id' => 'Answer' }]]]
    assert_equal(%w[rails client answer Answer], places.map { |place| StaticTracing::Rack.request_id(*place) })
    assert_equal '', StaticTracing::Rack.request_id({})
  end

  def test_that_where_no_thread_may_look_each_request_does
    StaticTracing::Watcher.thread = false
    request = StaticTracing::Tracepoint.fetch(:rack, :request)
    told = []
    subscription = StaticTracing::Watcher.watch([request], attached: -> { told << :attached },
                                                           detached: -> { told << :detached })
    middleware = StaticTracing::Rack::Middleware.new(->(_env) { [204, {}, []] })
    raised = RaisedSemaphore.new(Process.pid, place(request))
    call_until(middleware) { told == [:attached] }
    raised.close
    call_until(middleware) { told == %i[attached detached] }
  ensure
    subscription&.cancel
    StaticTracing::Watcher.thread = true
  end

  def call_until(middleware)
    deadline = StaticTracing.nsec + 60_000_000_000
    until yield
      assert_equal [204, {}, []], middleware.call('REQUEST_METHOD' => 'GET', 'PATH_INFO' => '/')
      assert_operator StaticTracing.nsec, :<, deadline
    end
  end

  # ------------------------------------------------------------------ jobs

  def test_how_long_a_job_of_sidekiq_was_in_its_queue
    now = Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)
    require 'static_tracing/sidekiq'
    [now / 1e9 - 5, now / 1_000_000 - 5000].each do |since|
      assert_includes SOME_SECONDS, StaticTracing::Sidekiq.queued('enqueued_at' => since)
    end
    assert_equal(-1, StaticTracing::Sidekiq.queued({}))
    jobs = [{ 'class' => 'Plain' }, { 'class' => 'Adapter', 'wrapped' => 'Wrapped', 'retry_count' => 0 }]
    assert_equal([['Plain', 0], ['Wrapped', 1]], jobs.map do |job|
      [StaticTracing::Sidekiq.name_of(job), StaticTracing::Sidekiq.retries(job)]
    end)
  end

  # ------------------------------------------------------------------ what bpftrace sees

  WATCHED = { active_record: :checkout, log: :line, rack: :request, rails: :cache_read_multi }.freeze

  def test_what_bpftrace_sees_of_what_goes_wrong
    need(Tracers.bpftrace_refusal)
    stay_on_one_cpu
    finish = StaticTracing::Tracepoint.new(:integrations, :finish, String)
    places = WATCHED.map { |provider, name| place(StaticTracing::Tracepoint.fetch(provider, name)) }
    ends = ShownByBpftrace.place('integrations', 'finish', finish.path, 'string word')
    program = ShownByBpftrace.program([*places, ends], last: { 'integrations:finish' => '1' })
    tool = bpftrace(program, pid: Process.pid, strlen: 100)
    tool.await
    StaticTracing::Watcher.check
    use_a_pool
    write_lines
    call_middleware
    cache = ActiveSupport::Cache::MemoryStore.new
    cache.write('a', 1)
    cache.read_multi('a', 'b', 'c')
    finish.fire('end')
    @fires = ShownByBpftrace.fires(tool.printed, [*places, ends]).group_by(&:tracepoint)
    check_pool
    check_lines
    check_requests
    store = ActiveSupport::VERSION::STRING.to_f < 6.1 ? '' : 'ActiveSupport::Cache::MemoryStore'
    assert_equal [['3', '1', store]], shown('rails:cache_read_multi', :keys, :hits, :store)
  end

  # What several threads fire comes out of bpftrace in order.
  def stay_on_one_cpu
    system('taskset', '-acp', Program::CPU, Process.pid.to_s, out: File::NULL)
  end

  def shown(tracepoint, *names)
    @fires.fetch(tracepoint).map { |fire| names.map { |name| fire[name] } }
  end

  # A pool of one connection: one thread has it, another waits until it is given back, a third in vain.
  def use_a_pool
    ActiveRecord::Base.establish_connection(adapter: 'sqlite3', database: ':memory:', pool: 1, checkout_timeout: 60)
    pool = ActiveRecord::Base.connection_pool
    connection = pool.checkout
    waiter = Thread.new { pool.checkin(pool.checkout) }
    Thread.pass until pool.num_waiting_in_queue == 1
    assert_raises(ActiveRecord::ConnectionTimeoutError) { pool.checkout(0.01) }
    pool.checkin(connection)
    waiter.join
  ensure
    ActiveRecord::Base.remove_connection
  end

  def check_pool
    rows = shown('active_record:checkout', :exception, :size, :connections, :waiting)
    assert_equal [['', '1', '1', '0'], ['ActiveRecord::ConnectionTimeoutError', '1', '1', '1'], ['', '1', '1', '0']],
                 rows.take(3)
    _, in_vain, longer = shown('active_record:checkout', :nanoseconds).flatten.map(&:to_i)
    assert_operator in_vain, :>=, 10_000_000 # as it was told to
    assert_operator longer, :>, in_vain
  end

  def write_lines
    @written = StringIO.new
    logger = Logger.new(@written, level: :info, progname: 'shop')
    logger.debug('not written')
    logger.info('Grüße')
    logger.error(ArgumentError.new('wrong'))
    logger.warn { { number: 7 } }
    logger.add(Logger::UNKNOWN, nil, 'till')
    logger << 'not a line'
  end

  def check_lines
    assert_equal [%w[INFO Grüße shop 7], ['ERROR', 'wrong (ArgumentError)', 'shop', '21'],
                  ['WARN', '{:number=>7}', 'shop', '12'], %w[ANY till shop 4]],
                 shown('log:line', :severity, :message, :program, :bytes).map { |row|
                   row.map { |value|
                     value.sub('number: 7', ':number=>7')
                   }
                 }
    assert_equal 4, @written.string.lines.grep(/--/).size
  end

  # Of an application that writes to env, one that raises, and one that throws.
  def call_middleware
    env = { 'REQUEST_METHOD' => 'GET', 'SCRIPT_NAME' => '/shöp', 'PATH_INFO' => "/cart\xFF".b }
    changes = StaticTracing::Rack::Middleware.new(->(given) { [204, {}, [given.update('PATH_INFO' => '/changed')]] })
    assert_equal [204, {}], changes.call(env.dup).take(2)
    raises = StaticTracing::Rack::Middleware.new(->(_) { raise KeyError, 'no' })
    assert_raises(KeyError) { raises.call(env) }
    throws = StaticTracing::Rack::Middleware.new(->(_) { throw :halt, 'thrown' })
    assert_equal('thrown', catch(:halt) { throws.call(env) })
  end

  def check_requests
    path = "/shöp/cart\xFF"
    assert_equal [['204', path, ''], ['0', path, 'KeyError'], ['0', path, '']],
                 shown('rack:request', :status, :route, :exception)
  end
end
