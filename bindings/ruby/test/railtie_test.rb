# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# The settings of a Rails application, and the generator that writes them.

require 'helper'
require 'tmpdir'

verbose = $VERBOSE
$VERBOSE = nil # -w is for this gem
begin
  require 'rails/railtie'
  require 'rails/generators'
rescue LoadError => e
  LACKING_RAILTIE = e.message
ensure
  $VERBOSE = verbose
end

class RailtieTest < Minitest::Test
  PAGE = File.read(File.expand_path('../../../docs/rails.md', __dir__), encoding: 'UTF-8')

  # The parts, by their providers.
  PARTS = { rails: :Notifications, rack: :Rack, active_job: :ActiveJob, active_record: :ActiveRecord,
            log: :LogLines, puma: :Puma, sidekiq: :Sidekiq }.freeze

  def setup
    skip LACKING_RAILTIE if defined?(LACKING_RAILTIE)
    require 'static_tracing/railtie'
  end

  # ------------------------------------------------------------------ docs/rails.md

  def test_that_the_page_lists_every_tracepoint_with_its_arguments
    assert_equal StaticTracing::Railtie::PARTS.keys.sort, PARTS.keys.sort
    StaticTracing::Railtie::PARTS.each_value { |file| require file }
    there = PARTS.flat_map do |provider, part|
      StaticTracing.const_get(part)::PROBES.map do |name, probe|
        ["#{provider}:#{name}", (probe.is_a?(Array) ? probe[1] : probe).keys.join(', ')]
      end
    end
    assert_equal there.to_h, listed
  end

  # @return [Hash{String => String}] from rows as in "| `rails:a`, `b` | … | x, y |"
  def listed
    PAGE.scan(/^\| (`\w+:\w+`.*?) \| .* \| (.*) \|$/).flat_map do |written, arguments|
      provider, *names = written.scan(/\w+/)
      names.map { |name| ["#{provider}:#{name}", arguments] }
    end.to_h
  end

  def test_that_the_page_lists_every_setting_and_every_file
    table = PAGE[/^\| `config.static_tracing`.*?\n\n/m]
    assert_equal StaticTracing::Railtie::SETTINGS.keys.sort, table.scan(/^\| `(\w+)` \|/).flatten.map(&:to_sym).sort
    assert_equal StaticTracing::Railtie::PARTS.keys, table.scan(/`:(\w+)`/).flatten.map(&:to_sym).uniq
    assert_equal StaticTracing::Railtie::PARTS.values.sort,
                 PAGE.scan(%r{^\| `(static_tracing/\w+)` \|}).flatten.sort
  end

  # ------------------------------------------------------------------ settings

  def settings(**changes)
    ActiveSupport::OrderedOptions.new.merge!(StaticTracing::Railtie::SETTINGS.merge(changes))
  end

  def test_that_an_unknown_setting_is_named
    wrong = assert_raises(StaticTracing::Configuration::InvalidValueError) {
      StaticTracing::Railtie.check(settings(mod: 1))
    }
    assert_equal 'config.static_tracing has no :mod; it can be :enabled, :parts, :backing, :on_error, ' \
                 ':interval or :thread', wrong.message
    wrong = assert_raises(StaticTracing::Configuration::InvalidValueError) {
      StaticTracing::Railtie.check(settings(parts: %w[rails unicorn]))
    }
    assert_match(/\Aconfig.static_tracing.parts can't be :unicorn; it can be :rails, .* or :sidekiq\z/, wrong.message)
    assert_equal %i[rails], StaticTracing::Railtie.check(settings(parts: 'rails')).parts
  end

  def test_that_each_setting_takes_effect
    before = taken
    StaticTracing::Railtie.start(settings(enabled: false, on_error: :raise), '/')
    assert_equal before, taken
    changed = settings(parts: [:log], on_error: :raise, backing: 'memfd', interval: 0.25, thread: false)
    StaticTracing::Railtie.start(changed, '/srv/shop')
    assert_equal 'app/cart.rb', StaticTracing::Integration::CallSite.shown('/srv/shop/app/cart.rb')
    assert_equal [:raise, 'memfd', 0.25, false], taken
  ensure
    StaticTracing::Integration::CallSite.root = nil
    StaticTracing.configuration.on_error, StaticTracing.configuration.backing,
      StaticTracing::Watcher.interval, StaticTracing::Watcher.thread = before
  end

  def taken
    [StaticTracing.configuration.on_error, StaticTracing.configuration.backing,
     StaticTracing::Watcher.interval, StaticTracing::Watcher.thread]
  end

  def test_that_the_generator_writes_the_settings
    generator = Rails::Generators.find_by_namespace('static_tracing:install')
    Dir.mktmpdir('rst-ruby-test-') do |directory|
      generator.start(['--quiet'], destination_root: directory)
      text = File.read(File.join(directory, 'config/initializers/static_tracing.rb'))
      RubyVM::InstructionSequence.compile(text)
      set = text.scan(/config\.static_tracing\.(\w+) =/).flatten.map(&:to_sym)
      assert_equal StaticTracing::Railtie::SETTINGS.keys.sort, set.sort
      assert_equal StaticTracing::Railtie::PARTS.keys, text[/%i\[(.*)\]/, 1].split.map(&:to_sym)
    end
  end
end
