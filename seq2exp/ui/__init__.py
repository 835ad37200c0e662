"""The only room with Streamlit."""
