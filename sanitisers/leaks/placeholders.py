"""What many people write into a form where there is nothing to say, or nobody to name. It tells of nobody."""

from __future__ import annotations

NOBODYS = (
    *("as above", "as agreed", "as before", "as per above", "as stated above", "details to follow", "in progress"),
    *("no answer", "no comment", "no contact", "no details", "no longer applicable", "no longer available", "no name"),
    *("no response", "none given", "none known", "none provided", "none supplied", "not applicable", "not available"),
    *("not known", "not provided", "not recorded", "not required", "not set", "not specified", "not stated"),
    *("not supplied", "not used", "please see above", "same as above", "see above", "see attached", "see below"),
    *("test test", "test user", "to be advised", "to be agreed", "to be announced", "to be confirmed"),
    *("to be decided", "to be determined", "to be provided", "to follow", "unknown unknown", "do not use"),
    *("accounts department", "accounts payable", "accounts receivable", "bid team", "bids team"),
    *("business development", "chief executive", "company secretary", "contact us", "contracts team"),
    *("customer service", "customer services"),
    *("customer support", "digital team", "finance department", "finance team", "front desk", "general enquiries"),
    *("head office", "help desk", "home office", "human resources", "it department", "it support", "it team"),
    *("legal department", "legal team", "main office", "managing director", "marketing team", "not in use"),
    *("off site", "on site", "procurement team", "project manager", "public sector", "public sector team"),
    *("registered office", "remote working", "sales department", "sales team", "sales and marketing", "service desk"),
    *("support team", "technical support", "tender team", "tenders team", "the team", "working from home"),
    *(digit * length for digit in "0123456789" for length in range(9, 21)),
    *(digits[:length] for digits in ("12345678901234567890", "98765432109876543210") for length in range(9, 21)),
)
