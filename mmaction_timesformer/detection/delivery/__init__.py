"""Delivery of records: files, webhooks, MQTT."""
