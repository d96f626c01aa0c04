"""TorchServe: a custom handler at class level, with initialize() and handle()."""
from top5 import Top5


class Handler:
    def __init__(self):
        self.top5 = None
        self.context = None

    def initialize(self, context):
        self.context = context
        self.top5 = Top5()

    def handle(self, data, context):
        return [self.top5(bytes(row.get("data") or row.get("body"))) for row in data]
