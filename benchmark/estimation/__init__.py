"""Performance without labels: how well does a model do at a site, judged from its predictions there?"""
