"""What the documentation is made with: hooks of MkDocs, and the screenshots."""
