choir_fuzz(safetensors LINKS choir_onnx)
