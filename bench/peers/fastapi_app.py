"""FastAPI: `uvicorn fastapi_app:app --workers N`. A function without async runs in FastAPI's threads."""
from fastapi import Body, FastAPI
from top5 import Top5

app = FastAPI()
top5 = Top5()


@app.post("/predict")
def predict(data: bytes = Body(media_type="image/jpeg")):
    return top5(data)
