# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# The Rails application of examples/rails, in a puma whose worker is forked from a master that has
# loaded it: what bpftrace sees of it, and what is left of watching.

require 'support/rails_shop'
require 'support/raised_semaphore'
require 'support/shown_by_bpftrace'
require 'support/traced'

class RailsTest < TracedTest
  # Where a tracepoint says how long something took.
  TIME = /\A[1-9]\d*\z/.freeze

  # Attaching and detaching: first those that fill caches, then those that are counted.
  WARM_UP = 10
  CYCLES = 30

  # What may be there more afterwards: objects, fewer than one for each tracepoint that was attached to,
  # and KiB, of what the heap was not yet divided into.
  OBJECTS = 25 * CYCLES
  RESIDENT = 8192

  # Before that, layouts have no notification, and caches don't say of which kind they are.
  VERSION = Gem::Specification.find_by_path('rails')&.version.to_s.to_f
  BEFORE_6_1 = VERSION < 6.1
  STORE = BEFORE_6_1 ? '' : 'ActiveSupport::Cache::MemoryStore'

  # How severe an exception is.
  FATAL = VERSION < 7.1 ? 'FATAL' : 'ERROR'

  class << self
    # Started once for all tests.
    def shop
      @shop ||= RailsShop.new.tap { |shop| Minitest.after_run { shop.close } }
    end

    attr_accessor :fires
  end

  def setup
    super
    need(RailsShop.refusal)
    need(Tracers.bpftrace_refusal)
    @places = shop.state(:places).map { |place| ShownByBpftrace.place(*place) }
  end

  def teardown
    super
    await_unwatched if @places
  end

  def shop
    self.class.shop
  end

  def await_watched
    shop.await_state('watching') { |state| state['watched'] == @places.size && state['everything'] }
  end

  # Watched by nobody, the application is as it would be without the gem.
  def await_unwatched
    shop.await_state('the end of watching') { |state|
      state.values_at('watched', 'subscribed', 'wrapped') == [0, 0, []]
    }
  end

  # Do something while bpftrace watches everything.
  # @return [Hash{String => Array<ShownByBpftrace::Fire>}] by tracepoint
  def watched
    program = ShownByBpftrace.program(@places, last: { 'rack:request' => 'str(arg0) == "/end"' })
    tool = bpftrace(program, pid: shop.state['pid'], strlen: 100)
    tool.await
    await_watched
    yield
    shop.visit { |client| client.get('/end') }
    ShownByBpftrace.fires(tool.printed, @places).group_by(&:tracepoint)
  end

  # One visit, watched once for all tests that look at it.
  def fires
    self.class.fires ||= watched do
      shop.visit { |client| visit(client) }
      TCPSocket.open('127.0.0.1', shop.port) { |socket| socket << "no request at all\r\n\r\n" && socket.read }
    end
  end

  # Each visit finds an empty cache, in whatever order the tests run.
  def visit(client)
    shop.state(:forget)
    queued = { 'X-Request-Id' => 'first', 'X-Request-Start' => "t=#{Time.now.to_f - 1000}" }
    assert_equal '200', client.get('/', queued).code
    assert_equal '200', client.get('/').code
    assert_equal '200', client.get('/orders/3?secret=1').code
    assert_equal '404', client.get('/orders/99').code
    assert_equal '302', client.post('/orders', 'customer=Ada', FORM).code
    assert_equal '400', client.post('/orders', '', FORM).code
    assert_equal '200', client.get('/orders/slow').code
  end

  FORM = { 'Content-Type' => 'application/x-www-form-urlencoded' }.freeze

  # The values of some arguments, of each fire of a tracepoint.
  def shown(tracepoint, *names)
    fires.fetch(tracepoint).map { |fire| names.map { |name| fire[name] } }
  end

  def assert_times(tracepoint, *names)
    shown(tracepoint, *names).flatten.each { |time| assert_match(TIME, time, tracepoint) }
  end

  # ------------------------------------------------------------------ what is seen

  def test_requests
    rows = shown('rack:request', :route, :status, :method, :path, :exception)
    assert_equal [%w[OrdersController#index 200 GET /], %w[OrdersController#index 200 GET /],
                  %w[OrdersController#show 200 GET /orders/3], %w[OrdersController#show 404 GET /orders/99],
                  %w[OrdersController#create 302 POST /orders], %w[OrdersController#create 400 POST /orders],
                  %w[OrdersController#slow 200 GET /orders/slow], %w[/end 404 GET /end]].map { |row| [*row, ''] }, rows
    assert_equal rows.map { |row| row[3] }, shown('rack:request_begin', :path).flatten
    assert_times('rack:request', :nanoseconds)
    ids = shown('rack:request', :request_id).flatten
    assert_equal ['first', 8], [ids.first, ids.uniq.size]
    queued, none = shown('rack:request', :queue_nanoseconds).flatten.map(&:to_i).partition(&:positive?)
    assert_equal [-1], none.uniq
    assert_includes 1_000_000_000_000..2_000_000_000_000, queued.fetch(0)
  end

  def test_actions
    assert_equal [%w[OrdersController#index 200 /], %w[OrdersController#index 200 /],
                  %w[OrdersController#show 200 /orders/3], %w[OrdersController#show 404 /orders/99],
                  %w[OrdersController#create 302 /orders], %w[OrdersController#create 400 /orders],
                  %w[OrdersController#slow 200 /orders/slow]], shown('rails:process_action', :action, :status, :path)
    assert_equal ['', 'ActiveRecord::RecordNotFound'], shown('rails:process_action', :exception).flatten.uniq
    assert_times('rails:process_action', :nanoseconds, :allocations)
    fires['rails:process_action'].each do |fire|
      assert_operator fire[:nanoseconds].to_i, :>, fire[:db_nanoseconds].to_i + fire[:view_nanoseconds].to_i
    end
    assert_equal shown('rails:process_action', :action), shown('rails:start_processing', :action)
    assert_equal ["http://127.0.0.1:#{shop.port}/orders", '302'], shown('rails:redirect', :location, :status).first
    assert_equal [['require_customer']], shown('rails:halted_callback', :filter)
  end

  def test_queries_and_the_lines_that_caused_them
    queries = shown('rails:sql', :name, :caller, :sql)
    assert_includes queries, ['Order Load', line('app/controllers/orders_controller.rb', 'Order.find'),
                              'SELECT "orders".* FROM "orders" WHERE "orders"."id" = ? LIMIT ?']
    of_customers = queries.select { |name, line|
      [name, line] == ['Customer Load', 'app/views/orders/_order.html.erb:1']
    }
    assert_equal 12 + 12 + 1, of_customers.size
    slow = fires['rails:sql'].find { |fire| fire[:sql].start_with?('WITH RECURSIVE') }
    assert_equal line('app/models/order.rb', 'connection.select_value'), slow[:caller]
    assert_operator slow[:bytes].to_i, :>, slow[:sql].size # of which bpftrace reads the beginning
    assert_equal ["0"], shown('rails:sql', :cached).flatten.uniq - ['1']
    assert_times('rails:sql', :nanoseconds, :bytes)
    assert_includes shown('rails:instantiation', :class_name, :records), %w[Order 12]
    assert_times('rails:instantiation', :nanoseconds)
  end

  # @return [String] as in `app/models/order.rb:13`, the line with this code
  def line(file, code)
    lines = File.readlines(File.join(RailsShop::ROOT, file))
    "#{file}:#{lines.index { |text| text.include?(code) } + 1}"
  end

  def test_views
    views = shown('rails:render', :identifier, :kind)
    counts = { %w[app/views/orders/_order.html.erb partial] => 24 + 1,
               %w[app/views/orders/index.html.erb template] => 2 }
    counts[%w[app/views/layouts/application.html.erb layout]] = 3 unless BEFORE_6_1
    assert_equal counts, views.tally.slice(*counts.keys)
    assert_times('rails:render', :nanoseconds, :allocations)
  end

  def test_caches
    assert_equal [%w[turnover 0 fetch], %w[turnover 1 fetch]], shown('rails:cache_read', :key, :hit, :operation).uniq
    %w[generate write fetch_hit].each do |name|
      assert_equal ['turnover', STORE], shown("rails:cache_#{name}", :key, :store).first
    end
    assert_times('rails:cache_read', :nanoseconds)
  end

  def test_jobs
    assert_equal [['ReceiptJob', 'receipts', '1', '']],
                 shown('active_job:perform', :job, :queue, :executions, :exception)
    assert_equal [%w[ReceiptJob receipts 0]], shown('active_job:enqueue', :job, :queue, :scheduled)
    assert_equal shown('active_job:perform', :id), shown('active_job:enqueue', :id)
    assert_times('active_job:perform', :nanoseconds, :queue_nanoseconds, :allocations)
  end

  def test_all_notifications
    names = shown('rails:notification', :name).flatten.tally
    assert_equal fires['rails:sql'].size, names['sql.active_record']
    assert_equal 1, names['perform_start.active_job']
    assert_empty names.keys.grep(/\A!/)
  end

  def test_connections
    assert_equal %w[primary 4], shown('active_record:checkout', :pool, :size).first
    assert_times('active_record:checkout', :nanoseconds, :connections)
  end

  def test_log_lines
    lines = shown('log:line', :severity, :message)
    assert_includes lines, ['INFO', 'a receipt for Ada']
    fatal = fires['log:line'].find { |fire| fire[:severity] == FATAL }
    assert_equal ['INFO', FATAL], lines.map(&:first).uniq
    assert_match(/RecordNotFound \(Couldn't find Order with 'id'="?99"?\):/, fatal[:message])
  end

  def test_puma
    paths = shown('puma:request', :method, :path).reject { |_, path| path.start_with?('/state/') }
    assert_equal shown('rack:request', :method, :path)[0..-2], paths.take(7)
    first = fires['puma:request'].find { |fire| fire[:path] == '/' }
    assert_operator first[:nanoseconds].to_i, :>, fires['rack:request'].first[:nanoseconds].to_i
    assert_match TIME, first[:queue_nanoseconds]
    assert_equal '4', first[:threads]
    assert_includes shown('puma:error', :kind, :exception), %w[parse_error Puma::HttpParserError]
  end

  # ------------------------------------------------------------------ what the recipes of rst answer

  # Of one visit, for each recipe: its settings, and lines that it prints.
  RECIPES = {
    'rails-allocations' => [%w[], 'rails:process_action allocations, action="OrdersController#index": 2 hits'],
    'rails-cache-hits' => [%w[], /^1 +50.0% +rails:cache_read +false$/, /^1 +50.0% +rails:cache_read +true$/],
    'rails-cache-misses' => [%w[], /^1 +100.0% +rails:cache_read +"turnover"$/],
    'rails-errors' => [%w[], 'action="OrdersController#show" status=404', 'exception="ActiveRecord::RecordNotFound"'],
    'rails-job-queue-time' => [%w[], 'active_job:perform queue_nanoseconds, queue="receipts": 1 hit'],
    'rails-n-plus-one' => [%w[every=0.1], %r{^25 +\d+\.\d% +rails:sql +"app/views/orders/_order.html.erb:1"$}],
    'rails-queue-time' => [%w[], 'rack:request queue_nanoseconds: 1 hit', '[512G, 1T)  1',
                           /^puma:request queue_nanoseconds: \d+ hits, average \d/],
    'rails-slow-actions' => [%w[threshold=1ns], 'action="OrdersController#slow": 1 hit'],
    'rails-slow-queries' => [%w[threshold=0ms], 'sql="WITH RECURSIVE'],
    'rails-slow-sql' => [%w[threshold=1us],
                         'nanoseconds, caller="app/views/orders/_order.html.erb:1": 25 hits, average ']
  }.freeze

  # How many tracepoints they watch, and to how many notifications these subscribe.
  OF_RECIPES = { 'watched' => 6, 'subscribed' => 4, 'wrapped' => %w[<< handle_request] }.freeze

  def test_that_each_recipe_answers_its_question
    need(('RST_COMMAND is not set' unless ENV['RST_COMMAND']))
    there = Dir.children(File.join(File.dirname(ENV['RST_COMMAND']), 'recipes')).grep(/\Arails-/)
    assert_equal RECIPES.keys, there.map { |name| File.basename(name, '.recipe') }.sort
    answers.each do |name, printed|
      RECIPES[name].drop(1).each { |line| assert_match(line, printed, name) }
    end
  end

  # All recipes watch at the same time.
  # @return [Hash{String => String}]
  def answers
    pid = shop.state['pid'].to_s
    tools = RECIPES.to_h { |name, (settings)|
      [name, begin_program(Program.new(ENV['RST_COMMAND'], 'recipe', name, *settings, '-p', pid))]
    }
    shop.await_state('the recipes') { |state| state.slice(*OF_RECIPES.keys) == OF_RECIPES }
    tools.each_value { |tool| tool.wait_for_error(/^rst: watching /) }
    shop.visit { |client| visit(client) }
    tools.each_value { |tool| Process.kill(:INT, tool.pid) }
    tools.transform_values { |tool| tool.finish.join("\n") }
  end

  # ------------------------------------------------------------------ what is left of it

  def test_that_attaching_and_detaching_under_load_leaves_nothing
    under_load { attach_and_detach(WARM_UP) }
    before = shop.state(:memory)
    assert_operator under_load { attach_and_detach(CYCLES) }, :>, CYCLES
    after = shop.state(:memory)
    assert_operator after['objects'] - before['objects'], :<, OBJECTS
    assert_operator after['resident'] - before['resident'], :<, RESIDENT
    %w[threads descriptors].each { |what| assert_operator after[what], :<=, before[what], what }
    refute_match(/ static_tracing: /, shop.errors)
    refute_includes File.read(shop.log), 'Internal Server Error', 'in the log'
  end

  # Requests of several customers, until the block ends.
  # @return [Integer] how many visits there were
  def under_load
    done = false
    @visits = Queue.new
    @customers = 2.times.map do
      Thread.new { shop.visit { |client| @visits << browse(client) until done } }
    end
    yield
    done = true
    @customers.each(&:join)
    @visits.size
  ensure
    done = true
  end

  def browse(client)
    %w[/ /orders/3 /orders/slow].each { |path| assert_equal '200', client.get(path).code, path }
  end

  # Each time, customers that come while it is watched go while it is watched.
  def attach_and_detach(times)
    worker = shop.state['pid']
    times.times do
      raised = @places.map { |place| RaisedSemaphore.new(worker, place) }
      await_watched
      wanted = @visits.size + 4
      sleep 0.001 until @visits.size >= wanted || @customers.none?(&:alive?)
    ensure
      raised.each(&:close)
      await_unwatched
    end
  end
end
