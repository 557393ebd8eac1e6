// Prints the report alone: it stands on a sheet that screens do not show, in place of the page (styles/base.css).
import type { Report } from './report.ts';
import { reportSheet } from './report-html.ts';
import { sheetStyle } from './sheet-style.ts';

/** Asks where and writes the report there as PDF; null where the user backs out. */
export async function savePdf(report: Report, name: string): Promise<string | null> {
  const sheet = document.createElement('div');
  sheet.className = 'print-sheet';
  const style = document.createElement('style');
  style.textContent = sheetStyle;
  sheet.append(style, document.createRange().createContextualFragment(reportSheet(report).text));
  document.body.append(sheet);
  const { title } = document;
  document.title = report.headline; // which the PDF has as its own
  try {
    return await window.app.savePdf(name);
  } finally {
    sheet.remove();
    document.title = title;
  }
}
