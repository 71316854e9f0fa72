"""The built-in baselines, as `medshift list baselines` shows them. Importing this imports no torch."""

from __future__ import annotations

from ..benchmark.contract.entry import Entry

BUILTINS: dict[str, Entry] = {
    "acquisition-augment": Entry(
        "medshift.baselines.generalisation.acquisition_augment:AcquisitionAugment",
        "source",
        "ImageNet transfer",
        "Fine-tune from ImageNet on shifted images, leaving out the family of shifts under test.",
        "after Hendrycks et al., AugMix, ICLR 2020, arXiv 1912.02781, without its chains",
    ),
    "adabn": Entry(
        "medshift.baselines.test_time.adabn:AdaBN",
        "test-batches",
        "adaptation",
        "Replace batch norm statistics by those of the test batch.",
        "Nado et al., arXiv 2006.10963; Schneider et al., NeurIPS 2020, arXiv 2006.16971; after Li et al., 1603.04779",
    ),
    "bn-only": Entry(
        "medshift.baselines.transfer.linear_probe:BnOnly",
        "source",
        "ImageNet transfer",
        "Fine-tune only the norms and the last layer; all other ImageNet weights stay fixed.",
        "Mudrakarta et al., K for the price of 1, ICLR 2019, arXiv 1810.10703",
    ),
    "cbr-large-t": Entry(
        "medshift.baselines.scratch.cbr:CbrLargeT",
        "source",
        "training from scratch",
        "Train CBR-LargeT (tall) from scratch: 7x7, five blocks of 32 to 512 channels.",
        "Raghu et al., Transfusion, NeurIPS 2019, arXiv 1902.07208",
    ),
    "cbr-large-w": Entry(
        "medshift.baselines.scratch.cbr:CbrLargeW",
        "source",
        "training from scratch",
        "Train CBR-LargeW (wide) from scratch: 7x7, 64 to 512 channels.",
        "Raghu et al., Transfusion, NeurIPS 2019, arXiv 1902.07208",
    ),
    "cbr-small": Entry(
        "medshift.baselines.scratch.cbr:CbrSmall",
        "source",
        "training from scratch",
        "Train CBR-Small from scratch: 7x7, 32 to 256 channels.",
        "Raghu et al., Transfusion, NeurIPS 2019, arXiv 1902.07208",
    ),
    "cbr-tiny": Entry(
        "medshift.baselines.scratch.cbr:CbrTiny",
        "source",
        "training from scratch",
        "Train CBR-Tiny from scratch: 5x5, 32 to 256 channels, the widths that give the paper's parameter count.",
        "Raghu et al., Transfusion, NeurIPS 2019, arXiv 1902.07208",
    ),
    "cbr-tiny-wide": Entry(
        "medshift.baselines.scratch.cbr:CbrTinyWide",
        "source",
        "training from scratch",
        "Train CBR-Tiny from scratch with the widths in the paper's text: 5x5, 64 to 512 channels.",
        "Raghu et al., Transfusion, NeurIPS 2019, arXiv 1902.07208",
    ),
    "cdan": Entry(
        "medshift.baselines.adaptation.dann:Cdan",
        "target-unlabelled",
        "adaptation",
        "Fine-tune from ImageNet while features times predictions learn to fool a domain discriminator (CDAN+E).",
        "Long et al., NeurIPS 2018, arXiv 1705.10667",
    ),
    "coral": Entry(
        "medshift.baselines.adaptation.coral_mmd:Coral",
        "target-unlabelled",
        "adaptation",
        "Align the covariance of source and target features while fine-tuning (Deep CORAL).",
        "Sun and Saenko, ECCV-W 2016, arXiv 1607.01719",
    ),
    "dann": Entry(
        "medshift.baselines.adaptation.dann:Dann",
        "target-unlabelled",
        "adaptation",
        "Fine-tune from ImageNet while the features learn to fool a domain discriminator.",
        "Ganin et al., JMLR 2016, arXiv 1505.07818",
    ),
    "fda": Entry(
        "medshift.baselines.adaptation.fda:Fda",
        "target-unlabelled",
        "adaptation",
        "Fine-tune from ImageNet on source images with the low-frequency amplitudes of target images.",
        "Yang and Soatto, CVPR 2020, arXiv 2004.05498",
    ),
    "histogram-matching": Entry(
        "medshift.baselines.generalisation.histogram_matching:HistogramMatching",
        "source",
        "ImageNet transfer",
        "Match images to the source's mean histogram, in training and test, and fine-tune from ImageNet.",
        "Nyul and Udupa, On standardizing the MR image intensity scale, MRM 1999",
    ),
    "imagenet-finetune": Entry(
        "medshift.baselines.transfer.imagenet_finetune:ImagenetFinetune",
        "source",
        "ImageNet transfer",
        "Fine-tune an ImageNet network on the source.",
        "Raghu et al., Transfusion, NeurIPS 2019, arXiv 1902.07208",
    ),
    "imagenet-transfusion": Entry(
        "medshift.baselines.transfer.transfusion:ImagenetTransfusion",
        "source",
        "ImageNet transfer",
        "Start the lowest stages from ImageNet and the rest at random, then train all layers.",
        "Raghu et al., Transfusion, NeurIPS 2019, arXiv 1902.07208",
    ),
    "lame": Entry(
        "medshift.baselines.test_time.lame:Lame",
        "test-batches",
        "adaptation",
        "Adjust the probabilities of a test batch so that neighbours in feature space agree; the network is unchanged.",
        "Boudiaf et al., CVPR 2022, arXiv 2201.05718",
    ),
    "joint-norm": Entry(
        "medshift.baselines.adaptation.joint_norm:JointNorm",
        "target-unlabelled",
        "adaptation",
        "Fine-tune from ImageNet with source and target images in one batch, and learn from the source's alone.",
        "a control, without a paper of its own; after Li et al., AdaBN, arXiv 1603.04779",
    ),
    "linear-probe": Entry(
        "medshift.baselines.transfer.linear_probe:LinearProbe",
        "source",
        "ImageNet transfer",
        "Logistic regression on frozen ImageNet features, with the penalty chosen on source validation.",
        "Kornblith et al., CVPR 2019, arXiv 1805.08974",
    ),
    "lp-ft": Entry(
        "medshift.baselines.transfer.linear_probe:LpFt",
        "source",
        "ImageNet transfer",
        "Linear probe first, then fine-tune at a low rate with batch norms frozen (LP-FT).",
        "Kumar et al., ICLR 2022, arXiv 2202.10054",
    ),
    "mcc": Entry(
        "medshift.baselines.adaptation.mcc:Mcc",
        "target-unlabelled",
        "adaptation",
        "Minimise the confusion between classes on the targets while fine-tuning from ImageNet.",
        "Jin et al., ECCV 2020, arXiv 1912.03699",
    ),
    "mixstyle": Entry(
        "medshift.baselines.generalisation.mixstyle:Mixstyle",
        "source",
        "ImageNet transfer",
        "Fine-tune from ImageNet, mixing means and deviations of early feature maps between images.",
        "Zhou et al., ICLR 2021, arXiv 2104.02008",
    ),
    "mixup": Entry(
        "medshift.baselines.generalisation.mixup:Mixup",
        "source",
        "ImageNet transfer",
        "Fine-tune from ImageNet on mixtures of two images and their labels.",
        "Zhang et al., ICLR 2018, arXiv 1710.09412",
    ),
    "mmd": Entry(
        "medshift.baselines.adaptation.coral_mmd:Mmd",
        "target-unlabelled",
        "adaptation",
        "Align source and target features by maximum mean discrepancy while fine-tuning (DAN, on the last features).",
        "Long et al., ICML 2015, arXiv 1502.02791",
    ),
    "random-init": Entry(
        "medshift.baselines.scratch.scratch:RandomInit",
        "source",
        "training from scratch",
        "Train the network of `imagenet-finetune` from random weights.",
        "He et al., Rethinking ImageNet pre-training, ICCV 2019, arXiv 1811.08883",
    ),
    "sar": Entry(
        "medshift.baselines.test_time.sar:Sar",
        "test-batches",
        "adaptation",
        "Minimise the entropy of confident predictions, sharpness-aware, and reset when the model collapses.",
        "Niu et al., ICLR 2023, arXiv 2302.12400",
    ),
    "scratch": Entry(
        "medshift.baselines.scratch.scratch:Scratch",
        "source",
        "training from scratch",
        "Train a network that can learn from few images, from random weights.",
        "He et al., Deep residual learning, CVPR 2016, arXiv 1512.03385",
    ),
    "scratch-meanvar": Entry(
        "medshift.baselines.transfer.transfusion:ScratchMeanVar",
        "source",
        "training from scratch",
        "Train from random weights that have the mean and variance of the ImageNet weights, layer by layer.",
        "Raghu et al., Transfusion, NeurIPS 2019, arXiv 1902.07208",
    ),
    "ssl-target": Entry(
        "medshift.baselines.adaptation.ssl_target:SslTarget",
        "target-unlabelled",
        "adaptation",
        "Pre-train on unlabelled source and target images (SimSiam), then fine-tune on the source.",
        "Chen and He, Exploring simple Siamese representation learning, CVPR 2021, arXiv 2011.10566",
    ),
    "swad": Entry(
        "medshift.baselines.generalisation.swad:Swad",
        "source",
        "ImageNet transfer",
        "Fine-tune from ImageNet and average the weights of all steps while the source validation loss stays low.",
        "Cha et al., NeurIPS 2021, arXiv 2102.08604",
    ),
    "t3a": Entry(
        "medshift.baselines.test_time.t3a:T3A",
        "test-batches",
        "adaptation",
        "Replace the last layer's weights by the mean of each class's most confident test features so far.",
        "Iwasawa and Matsuo, NeurIPS 2021",
    ),
    "tent": Entry(
        "medshift.baselines.test_time.tent:Tent",
        "test-batches",
        "adaptation",
        "Minimise the entropy of predictions on the test stream through the batch norms' gains and offsets.",
        "Wang et al., ICLR 2021, arXiv 2006.10726",
    ),
    "tta": Entry(
        "medshift.baselines.generalisation.tta:Tta",
        "source",
        "ImageNet transfer",
        "Average the probabilities of ten views of each image: five small translations, each also mirrored.",
        "Krizhevsky et al., NeurIPS 2012; Shanmugam et al., ICCV 2021, arXiv 2011.11156",
    ),
}


def list_baselines() -> list[str]:
    """List the names of all baselines, those of installed plug-ins included, sorted."""
    from ..benchmark.contract.registry import TABLE  # which is made from the table above

    return TABLE.names()
