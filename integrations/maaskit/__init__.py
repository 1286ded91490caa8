"""maaskit: the Qiniu and SophNet model clouds for Python, LangChain and LlamaIndex."""

__version__ = "0.1.0"
