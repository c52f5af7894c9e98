# SPDX-License-Identifier: Apache-2.0
"""What all systems' tellers share: who it is about, what is late, what is sent twice."""


class Teller:
    """Collects one client's messages. A message: (moment of sending, channel, bytes)."""

    def __init__(self, world, client, draw):
        self.world, self.client, self.draw = world, client, draw
        self.days, self.rates = world.days, world.parameters["messages"]
        self.messages = []

    def number(self, happening, more=""):
        """A business number that no other happening of the county has."""
        return f"{self.client.index}x{happening.number}{more}"

    def moment(self, wanted):
        """When it is sent: at once, or days late; at the latest before the county ends."""
        if self.draw.random() < self.rates["late"]:
            low, high = self.rates["late_days"]
            wanted += self.draw.randrange(low * 1440, high * 1440)
        return min(wanted, self.days.end - 5)

    def send(self, moment, channel, payload):
        self.messages.append((moment, channel, payload))
        if self.draw.random() < self.rates["twice"]:
            self.messages.append((min(moment + 4, self.days.end - 1), channel, payload))

    def is_corrected(self):
        return self.draw.random() < self.rates["corrected"]

    def is_mistake(self):
        return self.draw.random() < self.rates["withdrawn"]

    def later(self, moment):
        """Of a correction: up to three days on."""
        return min(moment + self.draw.randrange(10, 3 * 1440), self.days.end - 2)
