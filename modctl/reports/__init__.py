"""What is read from a chart and handed to people: sheets, exports, receipts."""
