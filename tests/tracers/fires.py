# SPDX-License-Identifier: MIT
"""What is asked of every tracer that shows all arguments of every probe.

Both classes are to be mixed into a TracerTest that has check_fires(target, probes), which watches
each of {probe: kinds}, has it fired, and compares what the tracer showed.
"""

from probes import EVERY_COUNT, EVERY_TYPE, MIXED


class FiresTests:
    def test_shows_every_value_of_every_type_at_every_place_in_a_memfd(self):
        self.check_fires(self.target(), EVERY_TYPE)

    def test_shows_every_value_of_every_type_at_every_place_in_a_file(self):
        self.check_fires(self.target("file"), EVERY_TYPE)

    def test_shows_any_number_of_arguments(self):
        self.check_fires(self.target(), EVERY_COUNT)

    def check_child(self, backing, how):
        target = self.target(backing)
        target.become_child(how)
        self.check_fires(target, {"shop:mixed": MIXED})

    def test_watches_a_forked_child_whose_parent_is_gone(self):
        self.check_child("memfd", "leave")


class ChildrenTests(FiresTests):
    """And of those that find a forked child of either backing, whether its parent lives or not."""

    def test_watches_a_forked_child(self):
        self.check_child("memfd", "fork")

    def test_watches_a_forked_child_by_its_file(self):
        self.check_child("file", "fork")

    def test_watches_a_forked_child_by_its_file_when_the_parent_is_gone(self):
        self.check_child("file", "leave")
