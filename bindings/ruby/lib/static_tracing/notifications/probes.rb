# frozen_string_literal: true

module StaticTracing
  module Notifications
    # Nanoseconds of what Rails says in milliseconds.
    NANOSECONDS = ->(milliseconds) { (milliseconds.to_f * 1_000_000).to_i }
    private_constant :NANOSECONDS

    # A URL without what follows its question mark, which may be confidential. It comes from outside, and
    # may be of any bytes.
    PATH = ->(url) { url.to_s.b[/\A[^?]*/n] }
    private_constant :PATH

    # As in `OrdersController#index`.
    ACTION = ->(event) { "#{event[:controller]}##{event[:action]}" }
    private_constant :ACTION

    # The status that Rails answers with, which it doesn't say of an action that raised.
    STATUS = lambda do |event|
      next event[:status].to_i if event[:status] || event.exception.empty?
      next 500 unless defined?(::ActionDispatch::ExceptionWrapper)

      ::ActionDispatch::ExceptionWrapper.status_code_for_exception(event.exception)
    end
    private_constant :STATUS

    # As in `template` and `partial`, of `render_template.action_view`.
    KIND = ->(event) { event.name[/\Arender_(\w+)/, 1].to_s }
    private_constant :KIND

    # A cache's key, in words.
    KEY = ->(event) { event[:key].is_a?(Array) ? event[:key].join('/') : event.text(:key) }
    private_constant :KEY

    # What each cache_* tracepoint says that says no more.
    CACHE = [{ key: String, nanoseconds: Integer, store: String }.freeze,
             ->(event) { [KEY.call(event), event.nanoseconds, event.text(:store)] }].freeze
    private_constant :CACHE

    # The tracepoints of the provider `rails`: for each the names of its notifications, its arguments,
    # and the values of an {Event}. What one wants most is in the first six, the ones that every
    # bpftrace can read.
    PROBES = {
      process_action: [
        ['process_action.action_controller'],
        { action: String, status: Integer, nanoseconds: Integer, db_nanoseconds: Integer,
          view_nanoseconds: Integer, allocations: Integer, path: String, method: String, format: String,
          exception: String },
        lambda do |event|
          [ACTION.call(event), STATUS.call(event), event.nanoseconds, NANOSECONDS.call(event[:db_runtime]),
           NANOSECONDS.call(event[:view_runtime]), event.allocations, PATH.call(event[:path]), event.text(:method),
           event.text(:format), event.exception]
        end
      ],
      start_processing: [
        ['start_processing.action_controller'],
        { action: String, method: String, path: String, format: String },
        ->(event) { [ACTION.call(event), event.text(:method), PATH.call(event[:path]), event.text(:format)] }
      ],
      redirect: [
        ['redirect_to.action_controller'],
        { location: String, status: Integer },
        ->(event) { [PATH.call(event[:location]), event[:status].to_i] }
      ],
      halted_callback: [
        ['halted_callback.action_controller'],
        { filter: String },
        ->(event) { event.text(:filter) }
      ],
      unpermitted_parameters: [
        ['unpermitted_parameters.action_controller'],
        { keys: String },
        ->(event) { Array(event[:keys]).join(' ') }
      ],
      render: [
        %w[render_template render_partial render_collection render_layout].map { |name| "#{name}.action_view" },
        { identifier: String, nanoseconds: Integer, kind: String, allocations: Integer, count: Integer,
          cache_hits: Integer },
        lambda do |event|
          [Integration::CallSite.shown(event.text(:identifier)), event.nanoseconds, KIND.call(event),
           event.allocations, (event[:count] || 1).to_i, event[:cache_hits].to_i]
        end
      ],
      sql: [
        ['sql.active_record'],
        { sql: String, nanoseconds: Integer, caller: String, cached: :bool, name: String, bytes: Integer,
          allocations: Integer },
        lambda do |event|
          sql = event.text(:sql)
          [sql, event.nanoseconds, event.caller, event[:cached] ? true : false, event.text(:name), sql.bytesize,
           event.allocations]
        end
      ],
      instantiation: [
        ['instantiation.active_record'],
        { class_name: String, records: Integer, nanoseconds: Integer },
        ->(event) { [event.text(:class_name), event[:record_count].to_i, event.nanoseconds] }
      ],
      cache_read: [
        ['cache_read.active_support'],
        { key: String, hit: :bool, nanoseconds: Integer, store: String, operation: String },
        lambda do |event|
          [KEY.call(event), event[:hit] ? true : false, event.nanoseconds, event.text(:store),
           event.text(:super_operation)]
        end
      ],
      cache_read_multi: [
        ['cache_read_multi.active_support'],
        { keys: Integer, hits: Integer, nanoseconds: Integer, store: String },
        lambda do |event|
          [Array(event[:key]).size, Array(event[:hits]).size, event.nanoseconds, event.text(:store)]
        end
      ],
      cache_write: [['cache_write.active_support'], *CACHE],
      cache_delete: [['cache_delete.active_support'], *CACHE],
      cache_exist: [['cache_exist?.active_support'], *CACHE],
      cache_generate: [['cache_generate.active_support'], *CACHE],
      cache_fetch_hit: [['cache_fetch_hit.active_support'], *CACHE],
      notification: [
        [/\A[^!]/],
        { name: String, nanoseconds: Integer, allocations: Integer, exception: String },
        ->(event) { [event.name, event.nanoseconds, event.allocations, event.exception] }
      ]
    }.freeze
  end
end
