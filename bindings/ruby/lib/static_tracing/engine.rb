# frozen_string_literal: true

# The C parts, for the Ruby that has them. Others, as JRuby and TruffleRuby, load what does nothing in
# their place.
if RUBY_ENGINE == 'ruby'
  require 'static_tracing/native'
else
  require 'static_tracing/elsewhere'
end
