# SPDX-License-Identifier: MIT
"""Runs the sections of a document on Ruby; tests/support/documents.py has how blocks are marked.

usage: run_documents.py DOCUMENT                lists the headings of its sections as JSON
       run_documents.py DOCUMENT HEADING        runs one, with the ruby that RST_RUBY names as JSON

A section that is run says as JSON, in its last line, what each command printed that watched. Its
status is that of a test in meson: 77 if it was skipped, for the reason that is said before.
"""

import json
import os
import shutil
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.dont_write_bytecode = True
if "RST_COMMAND" in os.environ:
    os.environ["PATH"] = os.path.dirname(os.environ["RST_COMMAND"]) + ":" + os.environ["PATH"]

from documents import DocumentTest, read, sections  # noqa: E402
from harness import SKIPPED, mount_tracefs, run, uprobe_refusal  # noqa: E402

GEM = "bindings/ruby"
README = "bindings/ruby/README.md"


class RubyDocument(DocumentTest):
    ruby = json.loads(os.environ.get("RST_RUBY", '["ruby"]'))
    tracefs = "it is not mounted yet"

    def runTest(self):
        self.run_section(self.blocks)

    def applies(self, block):
        if block.action == "start" or block.option("memfd="):
            self.need_root()
            self.need_commands("bpftrace")
            self.refuse(uprobe_refusal() or self.tracefs)
        if block.text.startswith("rst "):
            self.need_commands("rst")
        return super().applies(block)

    # What follows has the gem from where this installs it, out of a copy of what it is made of; once
    # for all sections.

    def do_install(self, block):
        gems = os.environ.get("RST_GEMS", f"{self.home}/gems")
        status, path = run(self.ruby[0], "-e", "print Gem.path.join(':')")
        self.assertEqual(status, 0, path)
        self.ruby = self.ruby[:1]
        self.environment |= {"GEM_HOME": gems, "GEM_PATH": f"{gems}:{path}"}
        self.environment |= {"RUBYLIB": "", "RUBYOPT": "", "SOURCE_DATE_EPOCH": "1700000000"}
        if list(Path(gems).glob("specifications/*.gemspec")):
            return
        for part in GEM, "src", "include":
            shutil.copytree(ROOT / part, f"{self.home}/checkout/{part}", symlinks=True)
        self.finish(block, self.tool_for(block, cwd=f"{self.home}/checkout"))

    def do_bundle(self, block):
        self.need_commands("bundle")
        self.do_install(next(other for other in read(README) if other.action == "install"))
        self.finish(block, self.tool_for(block))

    def do_rails(self, block):
        """In a copy of examples/rails that doesn't use the gem yet, and with a source of gems that
        has none: there are only those that are installed."""
        self.need_commands("bundle")
        if "--require" not in run("bundle", "help", "add")[1]:
            self.skipTest("this Bundler's add has no --require")
        self.refuse(missing_gem(self.ruby[0], "railties"))
        application = f"{self.home}/application"
        shutil.copytree(ROOT / "examples/rails", application)
        os.remove(f"{application}/config/initializers/static_tracing.rb")
        gemfile = Path(f"{application}/Gemfile")
        lines = gemfile.read_text().splitlines()
        lines = [line for line in lines if line.startswith("gem ") and "static-tracing" not in line]
        self.index_nothing(f"{self.home}/index")
        gemfile.write_text("\n".join([f"source 'file://{self.home}/index'", *lines, ""]))
        self.environment |= self.installed_as_it_is()
        self.finish(block, self.tool_for(block, cwd=application))

    def index_nothing(self, directory):
        """The index of a source that has no gems. RubyGems 4 has no command for that."""
        script = """
            require 'rubygems/util'
            %w[specs latest_specs prerelease_specs].each do |name|
                File.binwrite("#{ARGV[0]}/#{name}.4.8.gz", Gem::Util.gzip(Marshal.dump([])))
            end
        """
        os.makedirs(directory)
        status, said = run(self.ruby[0], "-e", script, directory)
        self.assertEqual(status, 0, said)

    def installed_as_it_is(self):
        """The environment in which the gem is installed without a copy, and without compiling."""
        gems = f"{self.home}/gems"
        script = """
            require 'fileutils'
            home, root, *loads = ARGV
            spec = Dir.chdir(root) { Gem::Specification.load('ruby-static-tracing.gemspec') }
            native = loads.find { |path| Dir.exist?("#{path}/static_tracing") && path != "#{root}/lib" }
            platform = "#{home}/extensions/#{Gem::Platform.local}/#{Gem.extension_api_version}"
            FileUtils.mkdir_p(["#{home}/gems", "#{home}/specifications", platform])
            FileUtils.ln_s(root, "#{home}/gems/#{spec.full_name}")
            FileUtils.cp_r(native, "#{platform}/#{spec.full_name}")
            FileUtils.touch("#{platform}/#{spec.full_name}/gem.build_complete")
            File.write("#{home}/specifications/#{spec.full_name}.gemspec", spec.to_ruby)
            print Gem.path.join(':')
        """
        loads = [word for word in self.ruby if word.startswith("/") and os.path.isdir(word)]
        status, path = run(self.ruby[0], "-e", script, gems, ROOT / GEM, *loads)
        self.assertEqual(status, 0, path)
        return {"GEM_HOME": gems, "GEM_PATH": f"{gems}:{path}", "RUBYLIB": "", "RUBYOPT": ""}


def missing_gem(ruby, name):
    """Why the gem can't be used, or None."""
    status, _ = run(ruby, "-e", f"gem '{name}'")
    return f"the gem {name} is not installed" if status else None


def main(document, heading=None):
    if heading is None:
        print(json.dumps(list(sections(document))))
        return 0
    RubyDocument.tracefs = mount_tracefs()
    test = RubyDocument()
    test.blocks = sections(document)[heading]
    result = unittest.TestResult()
    test.run(result)
    for _, words in result.failures + result.errors + result.skipped:
        print(words)
    if result.skipped:
        return SKIPPED
    if result.wasSuccessful():
        print(json.dumps(test.printed))
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
