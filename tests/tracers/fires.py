# SPDX-License-Identifier: MIT
"""Tests for every tracer that shows all arguments of every probe.

Mix a class into a TracerTest with check_fires(target, probes): it watches each of {probe: kinds},
has the target fire it, and compares the tracer's output with the fires.
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
    """Tests for tracers that find a forked child with either backing, whether its parent runs or
    not."""

    def test_watches_a_forked_child(self):
        self.check_child("memfd", "fork")

    def test_watches_a_forked_child_by_its_file(self):
        self.check_child("file", "fork")

    def test_watches_a_forked_child_by_its_file_when_the_parent_is_gone(self):
        self.check_child("file", "leave")
