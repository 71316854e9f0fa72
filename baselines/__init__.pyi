from .catalogue import list_baselines as list_baselines
from .common.recipe import Recipe as Recipe
from .common.recipe import TimmRecipe as TimmRecipe
from .common.training import Classifier as Classifier
from .common.training import source_network as source_network
from .common.training import train as train

__all__ = ["Classifier", "Recipe", "TimmRecipe", "list_baselines", "source_network", "train"]
