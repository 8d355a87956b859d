# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'json'
require 'net/http'
require 'rbconfig'
require 'support/loads'
require 'support/program'
require 'tmpdir'

# The application of examples/rails in a puma with a worker, and what its customers do.
class RailsShop < Program
  ROOT = File.expand_path('../../../../examples/rails', __dir__)
  PATIENCE = 60

  # @return [String, nil] why it can't be had
  def self.refusal
    lacking = %w[rails puma sqlite3 active_record active_job action_controller].reject { |name| there?(name) }
    "#{lacking.join(', ')} can't be loaded" unless lacking.empty?
  end

  def self.there?(name)
    Gem::Specification.find_by_path(name) || $LOAD_PATH.resolve_feature_path(name)
  rescue LoadError # Ruby 2.7's word for nil
    nil
  end

  attr_reader :directory, :port

  def initialize(rackup: File.join(__dir__, 'rails_state.ru'), environment: {}, **options)
    @directory = Dir.mktmpdir('rst-ruby-test-')
    super(RbConfig.ruby, *GEM_LOADS.flat_map { |path| ['-I', path] }, '-S', 'puma', '-C', 'config/puma.rb', rackup,
          environment: {
            'RAILS_ENV' => 'production', 'WEB_CONCURRENCY' => '1', 'SHOP_BIND' => 'tcp://127.0.0.1:0',
            'SHOP_LOG' => log, 'SHOP_DATABASE' => File.join(directory, 'shop.sqlite3'),
            'RST_BACKING' => "file:#{directory}", **environment
          }, chdir: ROOT, **options)
    @port = Integer(wait_for(%r{Listening on \w+://127\.0\.0\.1:(\d+)})[1])
    wait_for(/Use Ctrl-C to stop/)
  rescue StandardError
    close
    raise
  end

  def log
    File.join(directory, 'log')
  end

  def close
    Process.kill(:TERM, pid) unless status # it ends its worker, which a KILL would not
    finish
  ensure
    FileUtils.rm_rf(directory)
  end

  # @yieldparam client [Net::HTTP] of one connection
  def visit(&block)
    Net::HTTP.start('127.0.0.1', @port, read_timeout: PATIENCE, &block)
  end

  # @param what [Symbol] a method of State in rails_state.ru
  def state(what = :to_h)
    JSON.parse(visit { |shop| shop.get("/state/#{what}").body })
  end

  # Wait until the state is as the block wants.
  def await_state(wanted)
    deadline = now + PATIENCE
    until yield(state)
      raise "#{wanted} did not come: #{state}; #{self}" if now > deadline

      sleep 0.005
    end
  end
end
