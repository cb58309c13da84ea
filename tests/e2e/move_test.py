"""An instance changes hands between two agents of one environment, and nothing else notices."""
import fleet
from fleet import Fleet, FleetTest, wait_until


class MoveTest(FleetTest):
    @classmethod
    def make_fleet(cls):
        cls.fleet = Fleet("move")
        cls.fleet.start_servers("redis")
        cls.fleet.start_controller("")
        cls.fleet.make_users()
        for name in ("redis", "spare", "twin"):
            cls.fleet.enrol(name, "development")
        cls.fleet.start_agent("redis")
        cls.fleet.wait_healthy("redis")
        etc = cls.fleet.state / "etc"
        original = (etc / "agent-redis.yaml").read_text()
        # One agent without the instance, and one that declares it, too, under labels of its own.
        for name, text in (("spare", original[:original.index("instances:")]),
                           ("twin", original.replace("cluster: quickstart", "cluster: twin"))):
            lines = [line for line in text.splitlines() if not line.startswith("metrics_listen:")]
            text = "\n".join(lines).replace("name: redis\ncontroller", f"name: {name}\ncontroller")
            text = text.replace("agent-redis\n", f"agent-{name}\n")
            text = text.replace("secrets/join-redis", f"secrets/join-{name}")
            (etc / f"agent-{name}.yaml").write_text(text + "\n")
            cls.fleet.start_agent(name)

    def move(self, agent):
        return self.fleet.cli("admin", "instance", "move", "redis", "--agent", agent, "--reason",
                              "test", expect=0)

    def instance(self):
        return self.fleet.cli("ada", "instance", "get", "redis", "-o", "json", expect=0).json()

    def streams(self):
        actions = [r["action"] for r in self.fleet.audit()]
        return actions.count("agent.connect"), actions.count("agent.disconnect")

    def test_1_an_agent_without_the_instance_is_named_as_what_is_wrong(self):
        before = self.streams()
        self.move("spare")
        result = self.fleet.cli("ada", "instance", "get", "redis", expect=0)
        self.assert_says(result, "unknown", "agents/spare is connected, but has no such instance",
                         "dbfleet instance move redis")
        self.assertEqual(self.streams(), before)

    def test_2_back_with_its_agent_it_is_healthy_and_takes_work_without_a_new_stream(self):
        before = self.streams()
        self.move("redis")
        self.fleet.wait_healthy("redis")
        self.fleet.cli("ada", "instance", "check", "redis", "--timeout", "30s", expect=0)
        self.assertEqual(self.streams(), before)

    def test_3_an_agent_that_declared_it_all_along_takes_over_at_once(self):
        before = self.streams()
        self.assertEqual(self.instance()["labels"]["cluster"], "quickstart")
        self.move("twin")
        self.fleet.wait_healthy("redis")
        wait_until("what the new agent declares counts",
                   lambda: self.instance()["labels"]["cluster"] == "twin")
        self.fleet.cli("ada", "instance", "check", "redis", "--timeout", "30s", expect=0)
        self.assertEqual(self.streams(), before)

    def test_4_redis_is_backed_up_as_a_whole(self):
        result = self.fleet.cli("ada", "backup", "run", "redis", "-d", "0")
        self.assertEqual(result.code, 2, result)
        self.assert_says(result, "Redis")


if __name__ == "__main__":
    fleet.main()
