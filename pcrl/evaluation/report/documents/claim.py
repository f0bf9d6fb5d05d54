"""The items of CLAIM, the Checklist for Artificial Intelligence in Medical Imaging, update 2024, in our own words.

Numbers are those of the update: Tejani AS, Klontzas ME, Gatti AA, et al. Checklist for Artificial Intelligence in
Medical Imaging (CLAIM): 2024 Update. Radiology: Artificial Intelligence 2024; 6(4): e240300. doi:10.1148/ryai.240300.
"""

from __future__ import annotations

ITEMS: dict[str, tuple[tuple[int, str], ...]] = {
    "Title and abstract": (
        (1, "The title or abstract says that AI is studied, and of which kind it is"),
        (2, "The abstract sums up design, methods, results and conclusions"),
    ),
    "Introduction": (
        (3, "Background, and what the AI is meant for"),
        (4, "Aims and hypotheses"),
    ),
    "Methods: study design": (
        (5, "Whether data were collected before or after the study was planned"),
        (6, "What kind of study it is, such as feasibility or comparison"),
    ),
    "Methods: data": (
        (7, "Where the data come from"),
        (8, "Who was included and who was excluded"),
        (9, "How images were prepared"),
        (10, "Which parts of the data were used"),
        (11, "How data were de-identified"),
        (12, "What was done about missing data"),
        (13, "How images were acquired"),
    ),
    "Methods: reference standard": (
        (14, "How the reference standard was obtained"),
        (15, "Why this reference standard was chosen"),
        (16, "Who made the annotations"),
        (17, "How the test set was annotated"),
        (18, "How much annotators agree, with each other and with themselves"),
    ),
    "Methods: data partitions and testing data": (
        (19, "How cases were divided among training, validation and test"),
        (20, "The level, such as patient or image, at which the parts share nothing"),
        (21, "How large the test set was planned to be, and why"),
    ),
    "Methods: model": (
        (22, "The model in detail: inputs, outputs, architecture"),
        (23, "Software and its versions"),
        (24, "The weights that training started from"),
    ),
    "Methods: training": (
        (25, "How the model was trained"),
        (26, "How the final model was chosen"),
        (27, "Whether models were combined"),
    ),
    "Methods: evaluation": (
        (28, "The metrics"),
        (29, "How uncertainty and significance were measured"),
        (30, "How sensitive results are to changes"),
        (31, "How outputs were explained"),
        (32, "Evaluation on data of the same origin as the training data"),
        (33, "Test on data of another origin"),
        (34, "Registration of a clinical trial"),
    ),
    "Results: data": (
        (35, "How many patients or examinations were included and excluded"),
        (36, "Characteristics of the cases in each part"),
    ),
    "Results: model performance": (
        (37, "The scores, with their uncertainty"),
        (38, "Estimates of diagnostic performance, and how precise they are"),
        (39, "An analysis of wrong outputs"),
    ),
    "Discussion": (
        (40, "Limitations"),
        (41, "What follows for practice"),
    ),
    "Other information": (
        (42, "Where the full protocol or technical details are"),
        (43, "Whether software, model and data are available"),
        (44, "Funding, and the role of the funders"),
    ),
}
"""Section → (number, what is to be reported)."""
