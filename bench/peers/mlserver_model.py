"""MLServer: a custom runtime. The picture is a BYTES tensor in base64; the answer is text."""
import base64
import json

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from top5 import Top5


class Top5Model(MLModel):
    async def load(self) -> bool:
        self.top5 = Top5()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        data = base64.b64decode(payload.inputs[0].data[0])
        answer = [json.dumps(self.top5(data))]
        return InferenceResponse(
            model_name=self.name,
            outputs=[StringCodec.encode_output(name="top5", payload=answer)])
