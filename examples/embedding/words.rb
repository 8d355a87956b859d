# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# A script for mruby-host: the first word of a line says what to do with the rest.

# What the commands are.
class Commands
  def fib(words)
    number = words.to_i
    number < 2 ? number : fib(number - 1) + fib(number - 2)
  end

  def reverse(words)
    words.reverse
  end

  def rep(words)
    ('x' * words.to_i).size
  end

  def fail(words)
    raise ArgumentError, words
  end

  def rescued(words)
    fail(words)
  rescue ArgumentError => e
    e.message
  end

  def each_letter(words, upcase: false, &block)
    words = words.upcase if upcase
    words.each_char(&block)
  end

  def letters(words)
    found = []
    each_letter(words, upcase: true) { |letter| found << letter }
    found.join('-')
  end

  def steps(count)
    count.times { |step| Fiber.yield(fib(step)) }
    nil
  end

  def fiber(words)
    fiber = Fiber.new { steps(words.to_i) }
    sum = 0
    while (step = fiber.resume)
      sum += step
    end
    sum
  end

  # Methods may come later, too.
  def define(_words)
    Commands.class_eval { define_method(:late) { |words| "late #{words}" } }
    'defined'
  end

  def collect(_words)
    GC.start
    'collected'
  end
end

COMMANDS = Commands.new

def on_line(line)
  command, words = line.split(' ', 2)
  COMMANDS.send(command, words.to_s)
end
