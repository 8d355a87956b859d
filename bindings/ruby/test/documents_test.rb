# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Every block of code in the documents on Ruby does what the document says.
#
# The words after a block's language, which no reader sees, say what it is:
#
#     ruby run            a program that ends by itself
#     ruby file=NAME      a file that commands use
#     sh start            starts one of those, which is then watched
#     sh run              a command that ends by itself, and knows the program by $PID
#     sh run memfd=NAME   the same, beside a program that was started without RST_BACKING
#     sh watch            one that goes on until Ctrl-C
#     sh packages, sh install, sh bundle    see the tests that are named for them
#     text, text sample   what the one before shows; a sample's numbers are one run's
#
# The blocks under one heading belong together.

require 'support/watching'
require 'open3'

# A document's blocks.
class Page
  Block = Struct.new(:heading, :language, :word, :file, :text, :line, :output) do
    def to_s
      "#{heading}, line #{line}"
    end

    def option(name)
      word[/\A#{name}=(.*)/, 1]
    end
  end

  Output = Struct.new(:lines, :sample)

  KNOWN = %w[run start watch packages install bundle].freeze

  FENCE = /^```(.*)\n((?:(?!```).*\n)*)```$/.freeze

  # @return [Array<Block>]
  def self.read(path)
    text = File.read(File.join(DocumentsTest::ROOT, path), encoding: 'UTF-8')
    blocks = []
    text.scan(/^(\#+ .*)$|#{FENCE}/) do |heading, words, code|
      line = text[0...Regexp.last_match.begin(0)].count("\n") + 1
      next @heading = heading.sub(/\A#+ /, '') if heading

      place(blocks, "#{path}:#{line}", words.split, code)
    end
    blocks
  end

  def self.place(blocks, line, words, code)
    language, word, file = words
    return output_of(blocks, line, word, code) if language == 'text'

    known = word && (KNOWN.include?(word) || word.start_with?('file='))
    raise "#{line}: nobody knows what to do with this block" unless known && %w[ruby sh].include?(language)

    blocks << Block.new(@heading, language, word, file, code, line)
  end

  def self.output_of(blocks, line, word, code)
    raise "#{line}: output of nothing" if !blocks.last || blocks.last.output || blocks.last.option('file')

    blocks.last.output = Output.new(code.lines(chomp: true), word == 'sample')
  end
end

class DocumentsTest < WatchingTest
  ROOT = File.expand_path('../../..', __dir__)
  INTERFACE = 'docs/ruby-interface.md'
  README = 'bindings/ruby/README.md'

  def run_section(blocks)
    @shop = @gems = @descriptor = nil
    blocks.each do |block|
      next write(block) if block.option('file')

      start_beside(block) if block.file
      send("do_#{block.word}", block)
    end
  end

  def write(block)
    File.write(File.join(@directory, block.option('file')), block.text)
  end

  # ------------------------------------------------------------------ what a block does

  def do_run(block)
    program = block.language == 'ruby' ? ruby(block) : ['bash', '-e', '-c', block.text]
    output, status = Open3.capture2e(variables, *program, chdir: @directory)
    assert status.success?, "#{block}: #{output}"
    learn_descriptor(output)
    assert_nil Shown.missing(filled_in(block), output.lines(chomp: true)), "#{block}: not shown in:\n#{output}"
    check_nothing_else(block, output) if block.language == 'ruby'
  end

  # What a program prints is all of what is shown.
  def check_nothing_else(block, output)
    assert_equal block.output.lines.size, output.lines.size, "#{block}: #{output}" if block.output
  end

  def ruby(block)
    File.write(File.join(@directory, 'block.rb'), block.text)
    [RbConfig.ruby, *GEM_OPTIONS, '-W:no-experimental', 'block.rb']
  end

  def do_start(block)
    file = block.text[/\ARST_BACKING=file ruby (\w+\.rb)(?: &)?\n\z/, 1]
    refute_nil file, "#{block}: it starts nothing"
    @shop = start_program(File.join(@directory, file), **(@gems ? { environment: @gems, loads: [] } : {}))
  end

  # A program that was started as programs are started.
  def start_beside(block)
    file = block.file[/\Amemfd=(.*)/, 1]
    write(Page.read(INTERFACE).find { |other| other.option('file') == file })
    @shop = start_program(File.join(@directory, file), environment: { 'RST_BACKING' => nil })
  end

  def do_watch(block)
    command = block.text.strip.delete_prefix('sudo ').sub('$!', @shop.pid.to_s)
    assert_shows(filled_in(block), command, @shop, sample: block.output.sample, variables: variables)
  end

  # ------------------------------------------------------------------ $PID and $FD

  def variables
    return {} unless @shop

    { 'PID' => @shop.pid.to_s, 'FD' => @descriptor }.compact
  end

  # The reader sets FD to what the command shows.
  def learn_descriptor(output)
    @descriptor = output[%r{ (\d+) -> /memfd:}, 1] || @descriptor
  end

  def filled_in(block)
    return [] unless block.output

    block.output.lines.map { |line| variables.reduce(line) { |text, (name, value)| text.gsub("$#{name}", value) } }
  end

  # ------------------------------------------------------------------ installing

  def do_packages(block)
    return unless Tracers.installed?('apt-get')

    output, status = Open3.capture2e(*block.text.strip.delete_prefix('sudo ').split, '--simulate')
    assert status.success?, "#{block}: #{output}"
  end

  # In a copy of what the gem is made of, and into a directory of its own. What follows has the gem
  # from there.
  def do_install(block)
    checkout = File.join(@directory, 'checkout')
    %w[bindings/ruby src include].each do |part|
      FileUtils.mkdir_p(File.dirname(File.join(checkout, part)))
      FileUtils.cp_r(File.join(ROOT, part), File.dirname(File.join(checkout, part)))
    end
    home = File.join(@directory, 'gems')
    @gems = { 'GEM_HOME' => home, 'GEM_PATH' => [home, *Gem.path].join(':'), 'RUBYLIB' => nil, 'RUBYOPT' => nil }
    run_shell(block, block.text.gsub('sudo ', ''), checkout)
  end

  def do_bundle(block)
    need('there is no bundle') unless Tracers.installed?('bundle')
    do_install(Page.read(README).find { |other| other.word == 'install' })
    run_shell(block, block.text, @directory)
  end

  def run_shell(block, text, directory)
    output, status = Open3.capture2e({ 'SOURCE_DATE_EPOCH' => '1700000000' }.merge(@gems),
                                     'bash', '-e', '-c', text, chdir: directory)
    assert status.success?, "#{block}: #{output}"
    assert_nil Shown.missing(filled_in(block), output.lines(chomp: true)), "#{block}: not shown in:\n#{output}"
  end

  # ------------------------------------------------------------------ the tests

  [INTERFACE, README].each do |path|
    Page.read(path).group_by(&:heading).each do |heading, blocks|
      name = "#{File.basename(path, '.md')} #{heading}".downcase.gsub(/\W+/, '_').chomp('_')
      define_method("test_#{name}") { run_section(blocks) }
    end
  end

  # Its blocks are as those for C are: a program behind a comment, commands and output indented.
  PASSAGE = /<!--\ test:\ shop\.rb\ -->\n```ruby\n(?<program>.*?)```
             .*?^\ {4}(?<start>RST_BACKING=file\ ruby\ shop\.rb\ &)\n
             \ {4}(?<watch>bpftrace\ [^\n]*)\n
             \n[^\n]+\n\n(?<shown>(?:\ {4}[^\n]*\n)+)/mx.freeze

  def test_the_readme_of_librst
    found = PASSAGE.match(File.read(File.join(ROOT, 'README.md'), encoding: 'UTF-8'))
    shown = Page::Output.new(found[:shown].lines.map(&:strip), true)
    run_section([Page::Block.new('README.md', 'ruby', 'file=shop.rb', nil, found[:program]),
                 Page::Block.new('README.md', 'sh', 'start', nil, "#{found[:start]}\n"),
                 Page::Block.new('README.md', 'sh', 'watch', nil, found[:watch], nil, shown)])
  end
end
