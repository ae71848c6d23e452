"""Two panels of lines as a standalone SVG."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, GAP = 420, 300, 40
LEFT, RIGHT, TOP, BOTTOM = 62, 20, 58, 46
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # apart for everyone's eyes
PANELS = {  # title, x, y, whether y is logarithmic
    "connections": ("4 KiB files over 20 ms", "connections", "files/s", True),
    "backlog": ("memory of each stage", "files waiting, 64 B each", "peak MiB", False),
}


def short(number):
    for limit, sign in ((1e6, "M"), (1e3, "k")):
        if number >= limit:
            return f"{number / limit:g}{sign}"
    return f"{number:g}"


class Axis:
    """From numbers to places between BEGIN and END."""

    def __init__(self, numbers, begin, end, logarithmic):
        self.begin, self.end, self.logarithmic = begin, end, logarithmic
        low, high = min(numbers), max(numbers)
        if logarithmic:
            self.ticks = [10 ** n for n in range(math.floor(math.log10(low)),
                                                 math.ceil(math.log10(high)) + 1)]
        else:
            step = 10 ** math.floor(math.log10(high))
            step = next(part * step for part in (0.1, 0.2, 0.5, 1, 2, 5)
                        if high / (part * step) <= 6)
            self.ticks = [n * step for n in range(math.ceil(high / step) + 1)]
        self.low, self.high = self.scale(self.ticks[0]), self.scale(self.ticks[-1])

    def only(self, numbers):
        """As a logarithmic axis that ends where NUMBERS do, and marks them."""
        self.ticks = sorted(set(numbers))
        self.low, self.high = self.scale(self.ticks[0]), self.scale(self.ticks[-1])
        return self

    def scale(self, number):
        return math.log10(number) if self.logarithmic else number

    def at(self, number):
        part = (self.scale(number) - self.low) / ((self.high - self.low) or 1)
        return self.begin + part * (self.end - self.begin)


def text(x, y, words, anchor="middle", more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>'
            f"{escape(words)}</text>")


def draw_panel(left, name, lines):
    title, x_title, y_title, y_logarithmic = PANELS[name]
    points = [point for line in lines.values() for point in line]
    bottom, right = HEIGHT - BOTTOM, left + WIDTH - RIGHT
    numbers = [x for x, _ in points]
    x_axis = Axis(numbers, left + LEFT, right, True).only(numbers)
    y_axis = Axis([y for _, y in points], bottom, TOP, y_logarithmic)
    yield text(left + WIDTH / 2, 20, title, more=' font-weight="bold"')
    for tick in y_axis.ticks:
        y = y_axis.at(tick)
        yield (f'<path class="grid" d="M{left + LEFT} {y:.1f}H{right}"/>'
               + text(left + LEFT - 6, y + 4, short(tick), "end"))
    for tick in x_axis.ticks:
        yield text(x_axis.at(tick), bottom + 16, short(tick))
    yield text(left + LEFT + (right - left - LEFT) / 2, HEIGHT - 10, x_title)
    middle = (TOP + bottom) / 2
    yield text(left + 14, middle, y_title,
               more=f' transform="rotate(-90 {left + 14} {middle})"')
    for number, (line, line_points) in enumerate(lines.items()):
        colour = COLOURS[number]
        places = [(x_axis.at(x), y_axis.at(y)) for x, y in line_points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        yield f'<path class="line" stroke="{colour}" d="M{path}"/>'
        for x, y in places:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
        yield text(left + LEFT + number * (right - left - LEFT) / len(lines), 42, line,
                   "start", f' fill="{colour}"')


def draw(panels):
    """PANELS: for each of ours its lines, for each line its points."""
    parts = []
    for number, (name, lines) in enumerate(panels.items()):
        parts += draw_panel(number * (WIDTH + GAP), name, lines)
    width = len(panels) * (WIDTH + GAP) - GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
            f'height="{HEIGHT}" viewBox="0 0 {width} {HEIGHT}" '
            'font-family="sans-serif" font-size="12">\n'
            "<style>.grid{stroke:#ccc;stroke-width:1}"
            ".line{fill:none;stroke-width:2}</style>\n"
            f'<rect width="{width}" height="{HEIGHT}" fill="#fff"/>\n'
            + "\n".join(parts) + "\n</svg>\n")
