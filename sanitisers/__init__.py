"""What personal data turns into: rulesets, fakers and the columnar engine that applies them."""
