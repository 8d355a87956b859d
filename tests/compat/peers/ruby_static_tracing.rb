# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# A program of ruby-static-tracing's: fires for each line of stdin. It begins with cycles, as its
# signal handler makes them.
$stdout.sync = true
$LOADED_FEATURES << 'unmixer.rb' # which the tracers need, and this program does not
Unmixer = Module.new
require 'ruby-static-tracing'

tracepoint = StaticTracing::Tracepoint.new('ruby-app', 'first', Integer, String)
provider = StaticTracing::Provider.fetch('ruby-app')
3.times { abort 'cycle' unless provider.enable && !provider.disable && provider.path.empty? }
abort 'enable' unless provider.enable && provider.enable && !provider.path.empty?
abort 'enabled?' if tracepoint.enabled?
puts 'ready'
$stdin.each_line do
  tracepoint.fire(42, 'Ada')
  puts "fired #{tracepoint.enabled?}"
end
abort 'disable' if provider.disable
