"""One HTML page about a job's output, to look at and to listen to, that opens without a network."""

from reports.bound import BoundBook
from reports.evaluation import ScoredRow, write_evaluation
from reports.links import BOOKS_REPORT_KEY, REPORT_KEY, report_link
from reports.report import write_report

__all__ = ["BOOKS_REPORT_KEY", "REPORT_KEY", "BoundBook", "ScoredRow", "report_link", "write_evaluation", "write_report"]
