# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# What `yard` makes of the comments.

require 'helper'
require 'open3'
require 'rbconfig'
require 'tmpdir'

class DocumentationTest < Minitest::Test
  ROOT = File.expand_path('..', __dir__)

  DOCUMENTS = %w[README.md ../../docs/ruby-interface.md ../../docs/rails.md].freeze

  # How wide a document's text is; tables and code are as wide as they must be.
  COLUMNS = 100

  def test_that_documents_are_wrapped
    DOCUMENTS.each do |document|
      text = File.read(File.join(ROOT, document), encoding: 'UTF-8')
      text.gsub!(/^```.*?^```$/m) { |code| "\n" * code.count("\n") }
      long = text.lines(chomp: true).each_with_index.select { |line, _| line.size > COLUMNS && !line.start_with?('|') }
      assert_empty(long.map { |line, index| "#{document}:#{index + 1}: #{line}" })
    end
  end

  def require_yard
    found = system(RbConfig.ruby, '-e', 'require "yard"; require "redcarpet"', err: File::NULL)
    skip 'yard or redcarpet is lacking' unless found
  end

  def test_that_everything_public_is_documented_and_every_link_leads_somewhere
    require_yard
    Dir.mktmpdir do |directory|
      output, status = Open3.capture2e('yard', 'doc', '--fail-on-warning', '--no-cache',
                                       '--db', File.join(directory, 'db'),
                                       '--output-dir', File.join(directory, 'html'), chdir: ROOT)
      assert_match(/^ *100\.00% documented$/, output)
      refute_match(/\[(warn|error)\]/, output)
      assert status.success?, output
      assert File.file?(File.join(directory, 'html', 'StaticTracing', 'Tracepoint.html')), output
    end
  end
end
