"""The pages of docs/reference, written from the code, and what is looked at in the site that is built of all pages."""
