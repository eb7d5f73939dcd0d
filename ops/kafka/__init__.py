"""A real Apache Kafka on loopback, for tests and benchmarks where Docker is absent."""
