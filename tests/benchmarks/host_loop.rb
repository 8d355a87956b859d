# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# What host_worker.c measures in mruby.

def empty; end

def loop_only(count)
  count -= 1 while count > 0
end

def call(count)
  while count > 0
    empty
    count -= 1
  end
end

def allocate(count)
  while count > 0
    'x' * 100
    count -= 1
  end
end

def on_line(line)
  what, count = line.split(' ')
  count = count.to_i
  case what
  when 'loop' then loop_only(count)
  when 'call' then call(count)
  when 'allocate' then allocate(count)
  end
  'done'
end
