# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Every block of code in the documents on Ruby does what the document says.

require 'support/documents'

class DocumentsTest < Minitest::Test
  include Documents

  SECTIONS = {
    'docs/ruby-interface.md' => nil,
    'docs/rails.md' => nil,
    'bindings/ruby/README.md' => nil,
    'README.md' => ['Use it from Ruby']
  }.freeze

  SECTIONS.each do |document, chosen|
    headings = PYTHON ? chosen || Documents.headings(document) : ['its sections']
    headings.each do |heading|
      name = "#{File.basename(document, '.md')} #{heading}".downcase.gsub(/\W+/, '_').chomp('_')
      define_method("test_#{name}") { run_section(document, heading) }
    end
  end
end
