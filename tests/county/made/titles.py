# SPDX-License-Identifier: Apache-2.0
"""What professions are called in the messages: their Finnish titles."""
TITLES = {"physician": "lääkäri", "nurse": "sairaanhoitaja", "public-health-nurse": "terveydenhoitaja",
          "physiotherapist": "fysioterapeutti", "psychologist": "psykologi",
          "practical-nurse": "lähihoitaja", "dentist": "hammaslääkäri",
          "dental-hygienist": "suuhygienisti", "podiatrist": "jalkojenhoitaja",
          "social-worker": "sosiaalityöntekijä", "social-counsellor": "sosiaaliohjaaja",
          "service-counsellor": "palveluohjaaja", "family-worker": "perhetyöntekijä",
          "psychiatric-nurse": "psykiatrinen sairaanhoitaja",
          "radiographer": "röntgenhoitaja", "occupational-therapist": "toimintaterapeutti"}
