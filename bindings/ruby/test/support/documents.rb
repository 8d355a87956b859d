# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'helper'
require 'fileutils'
require 'json'
require 'open3'
require 'rbconfig'
require 'tmpdir'

# The documents' blocks, as tests/support/documents.py reads, runs and compares them.
module Documents
  ROOT = File.expand_path('../../../..', __dir__)
  RUNNER = File.join(__dir__, 'run_documents.py')
  PYTHON = ENV.fetch('PATH').split(':').any? { |directory| File.executable?(File.join(directory, 'python3')) }

  # How a Ruby that is started finds the gem.
  RUBY = [RbConfig.ruby, '-w', '-W:no-experimental', *GEM_LOADS.flat_map { |directory| ['-I', directory] }].freeze

  SKIPPED = 77

  # Where the first section that needs it installs the gem.
  GEMS = Dir.mktmpdir('rst-ruby-test-')
  Minitest.after_run { FileUtils.rm_rf(GEMS) }

  # @return [Array<String>] the headings of a document's sections
  def self.headings(document)
    output, status = Open3.capture2e('python3', RUNNER, document)
    raise output unless status.success?

    JSON.parse(output)
  end

  # Run a section.
  # @return [Array<Array<String>>] what each command printed that watches
  def run_section(document, heading)
    need(('python3 is not installed' unless PYTHON))
    output, status = Open3.capture2e({ 'RST_RUBY' => JSON.generate(RUBY), 'RST_GEMS' => GEMS },
                                     'python3', RUNNER, document, heading)
    skip(output) if status.exitstatus == SKIPPED
    assert(status.success?, output)
    JSON.parse(output.lines.last)
  end
end
