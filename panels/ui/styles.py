"""How the elements look: styles in MUI's terms, colors from the App's theme alone."""

from typing import Any

#: Red that can be read on the ground of either theme.
RED = {"color": "error.dark", "[data-mui-color-scheme=dark] &": {"color": "error.light"}}

#: A button of what cannot be undone: red is hard to read on the App's ground for a hovered one.
DANGER = {**RED, "&:hover": {"backgroundColor": "transparent", "borderColor": "currentColor"}}
#: What is wrong, below its field.
WRONG = {**RED, "mt": 0.5}

BUTTON = {"px": 1.5, "whiteSpace": "nowrap", "& p": {"fontSize": "0.9375rem"}}
#: A title that can be clicked.
TITLE_BUTTON = {
    "justifyContent": "flex-start",
    "textAlign": "left",
    "textTransform": "none",
    "overflowWrap": "anywhere",
    "minWidth": 0,
    "p": 0,
    "color": "text.primary",
    "& p": {"fontSize": "1.05rem", "fontWeight": 600, "lineHeight": 1.45, "color": "text.primary"},
    "&:hover": {"backgroundColor": "transparent", "textDecoration": "underline"},
}
#: A button without a frame stands with its words where others stand with theirs.
QUIET = {"mx": -1.5}
#: By the kind of a button.
BUTTON_LOOKS: dict[str, dict[str, Any]] = {"danger": DANGER, "quiet": QUIET}
#: What stands between backticks is readable in both themes; the App's orange is not.
CODE: dict[str, Any] = {
    "& p > span[class*=sc-]": {"color": "text.primary", "overflowWrap": "anywhere"},
    "& p:has(> span[class*=sc-])": {"fontSize": "0.875rem", "lineHeight": 1.6},
}
#: Lines of a program; those that are too long for the panel go on in the next line.
PROGRAM = {
    "& pre, & pre *": {
        "fontSize": "0.8125rem !important",
        "whiteSpace": "pre-wrap !important",
        "overflowWrap": "anywhere",
    }
}

#: What is wrong stays red while it is being mended.
FIELD = {"& .Mui-error.Mui-focused .MuiOutlinedInput-notchedOutline": {"borderColor": "error.main"}}
#: The title of a choice that cannot be made; why it cannot stays readable.
DISABLED_TITLE = {"& .Mui-disabled .MuiStack-root .MuiStack-root": {"opacity": 0.6}}
#: As high as the App's fields for text, and with their line around it; pale where it is given.
SELECT = {
    "height": 37,
    "&:not(.Mui-error):not(.Mui-focused):not(:hover) .MuiOutlinedInput-notchedOutline": {
        "borderColor": "rgba(var(--fo-palette-common-onBackgroundChannel) / 0.23)"
    },
    "&.Mui-disabled.Mui-disabled.Mui-disabled .MuiOutlinedInput-notchedOutline": {
        "borderColor": "divider"
    },
    "&.Mui-disabled .MuiSelect-icon": {"opacity": 0.4},
    "&.Mui-error.Mui-focused .MuiOutlinedInput-notchedOutline": {"borderColor": "error.main"},
}

SIZES = {"h6": "1.25rem", "subtitle1": "1.05rem", "body1": "1rem", "body2": "0.875rem"}

IN_ALERT = {"& p, & a": {"fontSize": "0.875rem", "lineHeight": 1.45, "overflowWrap": "anywhere"}}
TITLE_OF_ALERT = {"mb": 0.25, "& p": {**IN_ALERT["& p, & a"], "fontWeight": 600}}
#: In the middle of the height of the icon beside it.
ALONE_IN_ALERT = {"mb": 0, "mt": "1px", **IN_ALERT}

#: One column where the panel is too narrow for two pictures.
ONE_COLUMN = {"@container (max-width: 520px)": {"gridTemplateColumns": "minmax(0, 1fr)"}}

#: A row that stays at the top of the panel while what follows it is scrolled.
STAYS_IN_SIGHT: dict[str, Any] = {
    "position": "sticky",
    "top": 0,
    "zIndex": 2,
    "py": 1,
    "backgroundColor": "var(--fo-palette-background-mediaSpace, var(--fo-palette-background-body))",
}

#: The text takes the room that the buttons leave; in a narrow panel it stands above them.
FIRST_TAKES_THE_ROOM: dict[str, Any] = {
    "& > :first-of-type": {"flex": "1 1 0", "minWidth": 0},
    "@container (max-width: 520px)": {"& > :first-of-type": {"flexBasis": "100%"}},
}

#: What stands at both ends of a row, or at the ends of two where one has no room.
ENDS: dict[str, Any] = {
    "& > :first-of-type": {"flex": "1 1 auto"},
    "& > :last-of-type": {"marginLeft": "auto"},
}

#: The first column takes the available room; the others hold numbers.
TABLE = {
    "minWidth": 0,
    "& th, & td": {"fontSize": "0.875rem", "fontVariantNumeric": "tabular-nums"},
    "& td": {"overflowWrap": "anywhere"},
    "& td:first-of-type": {"minWidth": 88},
    "& td button, & td button *": {"color": "text.primary"},  # the App's orange is too light
    "@container (max-width: 520px)": {"& th, & td": {"px": 1}},
    "& th:not(:first-of-type), & td:not(:first-of-type)": {
        "textAlign": "right",
        "whiteSpace": "nowrap",
        "width": "1%",
    },
}
#: Where the panel is narrow, each row is two lines: the first cell, and the others below it.
STACKED: dict[str, Any] = {
    "@container (max-width: 430px)": {
        "& tr": {
            "display": "grid",
            "gridTemplateColumns": "minmax(0, 1fr) 5.3rem 5.75rem",
            "py": 0.75,
        },
        "& tr > *, & tr > :not(:first-of-type)": {
            "border": 0,
            "px": 0.75,
            "py": 0.25,
            "width": "auto",
            "whiteSpace": "normal",
            "alignSelf": "center",
        },
        "& tr > :first-of-type": {"gridColumn": "1 / -1", "minWidth": 0},
        "& td::after": {"maxWidth": "100%"},  # the picture of a spread
        "& tr > :nth-of-type(2)": {"textAlign": "left"},
        "& tr:not(:last-of-type), & thead tr": {
            "borderBottom": "1px solid",
            "borderColor": "divider",
        },
    }
}
CLICKABLE = {
    "& tbody tr": {"cursor": "pointer"},
    "& tbody tr:hover": {"backgroundColor": "action.hover"},
}
SELECTED = "var(--fo-palette-primary-softBg)"
TABLE_BOX = {"boxShadow": "none", "border": "1px solid", "borderColor": "divider"}


def pill(color: str) -> dict[str, Any]:
    """The style of a pill with a dot of a color."""
    return {
        "display": "inline-flex",
        "alignItems": "center",
        "gap": 0.75,
        "px": 1.25,
        "py": 0.25,
        "borderRadius": 4,
        "border": "1px solid",
        "borderColor": "divider",
        "whiteSpace": "nowrap",
        "&::before": {
            "content": '""',
            "width": 8,
            "height": 8,
            "borderRadius": "50%",
            "backgroundColor": color,
        },
    }
